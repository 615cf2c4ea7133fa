package nlu

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
	"parley/learn"
)

// TextTagger finds entities in texts as the tagger of DIETClassifier does, but apart from what a pipeline says of them: of the pipeline
// it has the tokens and the matches of RegexFeaturizer. It is safe for concurrent use.
type TextTagger struct {
	pipeline *Pipeline
	tagger   *tagger
	opts     taggerOptions
}

// TextTaggerOptions are the knobs of a TextTagger.
type TextTaggerOptions struct {
	Extractor    string          // the name that the entities bear
	BILOU        bool            // BILOU_flag: entities of one type may stand side by side
	SplitByComma map[string]bool // split_entities_by_comma, by type of entity; "" for all others
	Seed         uint64
	Warn         func(message string) // nil: nobody listens
}

// TrainTextTagger learns to find the entities of examples. Roles and groups are not learned. It is nil, without an error, if no example
// has an entity. The same pipeline, examples and options give the same tagger.
func TrainTextTagger(ctx context.Context, p *Pipeline, examples []Example, o TextTaggerOptions) (*TextTagger, error) {
	data := &TrainingData{Examples: slices.Clone(examples)}
	for i := range data.Examples {
		e := &data.Examples[i]
		e.Entities = slices.Clone(e.Entities)
		for k := range e.Entities {
			e.Entities[k].Role, e.Entities[k].Group = "", ""
		}
	}
	t := newTraining(data, TrainOptions{Language: p.language, Warn: o.Warn}, p.slots, p.dense)
	tokens := 0
	for _, m := range t.messages {
		if err := p.tokenize(ctx, m); err != nil {
			return nil, err
		}
		tokens += len(m.tokens)
	}
	if tokens == 0 {
		if len(entityKinds(t, o.Extractor)) > 0 {
			t.warn("%s: entities in texts cannot be learned, because no tokenizer of the pipeline cuts them into words", o.Extractor)
		}
		return nil, nil //nolint:nilnil // nothing to learn is no error
	}
	x := &TextTagger{pipeline: p, opts: taggerOptions{component: o.Extractor, touching: o.BILOU, split: o.SplitByComma, seed: o.Seed}}
	var err error
	if x.tagger, err = trainTagger(ctx, t, x.opts, nil); err != nil || x.tagger == nil {
		return nil, err //nolint:nilnil // nothing to learn is no error
	}
	return x, nil
}

// tokenize applies what a tagger looks at: the tokenizer and the RegexFeaturizers.
func (p *Pipeline) tokenize(ctx context.Context, m *message) error {
	for i, c := range p.components {
		switch c.(type) {
		case *whitespaceTokenizer, *jiebaTokenizer, *regexFeaturizer, *absent:
			if err := c.process(ctx, m); err != nil {
				return fmt.Errorf("%s: %w", p.configs[i].Name, err)
			}
		}
	}
	return nil
}

// Tag finds the entities of a text, in the order of their places; nil if there are none. Offsets count code points, and bytes that are
// not UTF-8 count as U+FFFD.
func (x *TextTagger) Tag(ctx context.Context, text string) ([]dialogue.Entity, error) {
	p := x.pipeline
	m, ok := p.messages.Get().(*message)
	if !ok {
		m = &message{}
	}
	m.reset(strings.ToValidUTF8(text, "\uFFFD"), p.slots, p.dense)
	if err := p.tokenize(ctx, m); err != nil {
		return nil, err
	}
	x.tagger.tag(m, &x.opts, nil)
	var found []dialogue.Entity
	if len(m.entities) > 0 {
		found = m.answer().Entities
	}
	m.reset("", p.slots, p.dense) // keep nothing of the message alive
	p.messages.Put(m)
	return found, nil
}

// savedTextTagger is what is kept beside the weights.
type savedTextTagger struct {
	Extractor    string
	BILOU        bool
	SplitByComma map[string]bool
}

// Encode gives what TextTaggerFrom reads: a file of package learn.
func (x *TextTagger) Encode() ([]byte, error) {
	head, err := json.Marshal(savedTextTagger{x.opts.component, x.opts.touching, x.opts.split})
	if err != nil {
		return nil, fmt.Errorf("save a tagger: %w", err)
	}
	var w learn.FileWriter
	w.Bytes("options", head)
	if err := x.tagger.put(&w, "tagger"); err != nil {
		return nil, fmt.Errorf("save a tagger: %w", err)
	}
	return w.Finish()
}

// TextTaggerFrom reads what Encode gave, for the pipeline that it was trained with. It uses the bytes in place. An error is a
// learn.ErrCorrupt.
func TextTaggerFrom(p *Pipeline, data []byte) (*TextTagger, error) {
	f, err := learn.OpenFile(data)
	if err != nil {
		return nil, err
	}
	head, err := f.Bytes("options")
	if err != nil {
		return nil, err
	}
	var saved savedTextTagger
	if err := json.Unmarshal(head, &saved); err != nil {
		return nil, fmt.Errorf("%w: options of a tagger: %v", learn.ErrCorrupt, err) //nolint:errorlint // one sentinel is enough
	}
	x := &TextTagger{pipeline: p, opts: taggerOptions{component: saved.Extractor, touching: saved.BILOU, split: saved.SplitByComma}}
	if x.tagger, err = taggerFrom(f, "tagger"); err != nil {
		return nil, err
	}
	if x.tagger == nil {
		return nil, fmt.Errorf("%w: a tagger without weights", learn.ErrCorrupt)
	}
	return x, nil
}
