package nlu

import (
	"context"
	"fmt"
	"strings"
)

// training is the training data on its way through the pipeline.
type training struct {
	data     *TrainingData
	opts     TrainOptions
	messages []*message // of each example, with what tokenizers and featurizers found
}

func newTraining(data *TrainingData, opts TrainOptions, slots int) *training {
	t := &training{data: data, opts: opts, messages: make([]*message, len(data.Examples))}
	for i := range data.Examples {
		m := &message{}
		m.reset(strings.ToValidUTF8(data.Examples[i].Text, "\uFFFD"), slots)
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
	switch c.(type) {
	case featurizer, *whitespaceTokenizer:
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
		if intent := t.data.Examples[i].Intent; intent != "" {
			out = append(out, labelled{m, intent})
		}
	}
	return out
}
