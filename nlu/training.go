package nlu

import (
	"context"
	"fmt"
	"strings"

	"parley/learn"
)

// training is the training data on its way through the pipeline.
type training struct {
	data     *TrainingData
	opts     TrainOptions
	messages []*message // of each example, with what tokenizers and featurizers found
	verdicts []verdict  // of the last intent classifier on texts that it was not trained on
	review   *Review    // what they come to
}

// verdict is how sure a classifier was of a text that it was not trained on, and whether it was right.
type verdict struct {
	first, second float32
	right         bool
}

// judge keeps what a classifier made of the texts left out of its training, for FallbackClassifier to look at.
func (t *training) judge(component string, examples []labelled, l *intentLearner, report *learn.Report) {
	t.verdicts = t.verdicts[:0]
	t.review = &Review{Component: component}
	confused := map[[2]string]int{}
	var p []float32
	for i, e := range examples {
		if report.Scores[i] == nil {
			continue
		}
		p = append(p[:0], report.Scores[i]...)
		learn.Softmax(p)
		ranking := l.rank(p, 2)
		t.verdicts = append(t.verdicts, verdict{first: float32(ranking[0].Confidence), second: float32(ranking[1].Confidence), right: ranking[0].Name == e.label})
		t.review.Examples++
		if ranking[0].Name == e.label {
			t.review.Right++
			continue
		}
		confused[[2]string{e.label, ranking[0].Name}]++
		if ranking[0].Confidence >= suspicious {
			t.review.Suspects = append(t.review.Suspects, Suspect{
				Example: e.example, Predicted: ranking[0].Name, Confidence: ranking[0].Confidence,
			})
		}
	}
	t.review.finish(confused)
}

func newTraining(data *TrainingData, opts TrainOptions, slots, dense int) *training {
	t := &training{data: data, opts: opts, messages: make([]*message, len(data.Examples))}
	for i := range data.Examples {
		m := &message{}
		m.reset(strings.ToValidUTF8(data.Examples[i].Text, "\uFFFD"), slots, dense)
		t.messages[i] = m
	}
	return t
}

// warn tells of what a user should know.
func (t *training) warn(format string, args ...any) {
	if t.opts.Warn != nil {
		t.opts.Warn(fmt.Sprintf(format, args...))
	}
}

// progress gives the function that a component reports to, nil when nobody listens.
func (t *training) progress(component string) func(float64) {
	if t.opts.Progress == nil {
		return nil
	}
	return func(done float64) { t.opts.Progress(component, done) }
}

// prepare applies tokenizers and featurizers, which later components learn from.
func (t *training) prepare(ctx context.Context, c component) error {
	switch c := c.(type) {
	case *denseFeaturizer:
		return c.processAll(ctx, t)
	case featurizer, *whitespaceTokenizer, *jiebaTokenizer: // absent ones are featurizers
	default:
		return nil
	}
	for _, m := range t.messages {
		if err := c.process(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// intentExamples are the examples that have an intent.
func (t *training) intentExamples() []labelled {
	var out []labelled
	for i, m := range t.messages {
		if e := &t.data.Examples[i]; e.Intent != "" {
			out = append(out, labelled{m, e.Intent, e})
		}
	}
	return out
}
