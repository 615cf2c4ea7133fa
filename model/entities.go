package model

import (
	"context"
	"fmt"

	"parley/nlu"
	"parley/policy"
)

// trainTagger gives what teaches policies to find entities in the texts of end-to-end stories, on the tokens of the pipeline.
func trainTagger(ctx context.Context, p *nlu.Pipeline, warn func(string)) func(*policy.EntityTraining) (policy.EntityTagger, []byte, error) {
	return func(t *policy.EntityTraining) (policy.EntityTagger, []byte, error) {
		if p == nil {
			warn(fmt.Sprintf("%s learns to find entities in texts of stories only beside an NLU model, whose tokens it needs", t.Policy))
			return nil, nil, nil
		}
		examples := make([]nlu.Example, len(t.Examples))
		for i, e := range t.Examples {
			examples[i] = nlu.Example{Text: e.Text, Entities: e.Entities, File: e.File, Line: e.Line}
		}
		tagger, err := nlu.TrainTextTagger(ctx, p, examples, nlu.TextTaggerOptions{
			Extractor: t.Policy, BILOU: t.BILOU, SplitByComma: t.SplitByComma, Seed: t.Seed, Warn: warn,
		})
		if err != nil || tagger == nil {
			return nil, nil, err
		}
		data, err := tagger.Encode()
		return tagger, data, err
	}
}

// loadTagger gives what reads these taggers.
func loadTagger(p *nlu.Pipeline) func(data []byte) (policy.EntityTagger, error) {
	return func(data []byte) (policy.EntityTagger, error) { return nlu.TextTaggerFrom(p, data) }
}
