package evaluate

import (
	"context"
	"fmt"
	"slices"

	"parley/dialogue"
	"parley/model"
	"parley/nlu"
)

// NLUOptions are the knobs of an evaluation of understanding.
type NLUOptions struct {
	// Progress, when set, is told how many examples are done. It may be called from several goroutines.
	Progress func(done, total int)
	// Warn, when set, is told what a user should know.
	Warn func(message string)
}

// NLUResult is how well a model understood examples. What the examples do not ask for is nil.
type NLUResult struct {
	Intents   *LabelResult   // examples of less than two intents ask for nothing
	Responses *LabelResult   // examples of less than two response keys ask for nothing
	Entities  []EntityResult // by extractor, sorted by name; not nil: some example has entities
}

// Prediction is a label that was predicted for a text.
type Prediction struct {
	Text       string
	Target     string
	Predicted  string // "" is null
	Confidence float64
}

// LabelResult is how well a label of texts was predicted: the intent, or the key of the response.
type LabelResult struct {
	Report      *Report
	Confusion   *Confusion
	Predictions []Prediction // in the order of the examples
}

// Errors are the predictions that are wrong.
func (r *LabelResult) Errors() []Prediction { return r.where(false) }

// Successes are the predictions that are right.
func (r *LabelResult) Successes() []Prediction { return r.where(true) }

func (r *LabelResult) where(right bool) []Prediction {
	found := []Prediction{}
	for _, p := range r.Predictions {
		if (p.Target == p.Predicted) == right {
			found = append(found, p)
		}
	}
	return found
}

// labelResult scores predictions.
func labelResult(predictions []Prediction) *LabelResult {
	targets, predicted := make([]string, len(predictions)), make([]string, len(predictions))
	for i, p := range predictions {
		targets[i], predicted[i] = p.Target, p.Predicted
	}
	r := &LabelResult{Report: classify(targets, predicted, ""), Confusion: confuse(targets, predicted), Predictions: predictions}
	r.Report.addConfused(r.Confusion, "")
	return r
}

// NLU evaluates what a model understands of examples. Entities that the extractors of Duckling and spaCy find, which no training
// teaches, do not count, and a fallback does not hide the intent behind it. The error is that of a component, or of ctx.
func NLU(ctx context.Context, m *model.Model, data *nlu.TrainingData, o NLUOptions) (*NLUResult, error) {
	found, err := observe(ctx, m, data.Examples, o)
	if err != nil {
		return nil, err
	}
	return found.result(), nil
}

// observations are predictions for examples, before they are scored. What was not asked for is nil.
type observations struct {
	intents, responses []Prediction
	entities           []tokenLabels
}

// observe predicts what the examples ask for.
func observe(ctx context.Context, m *model.Model, examples []nlu.Example, o NLUOptions) (*observations, error) {
	parses := make([]dialogue.Parse, len(examples))
	err := each(ctx, len(examples), o.Progress, func(ctx context.Context, i int) (err error) {
		if parses[i], err = understand(ctx, m, examples[i].Text); err != nil {
			return fmt.Errorf("%s:%d: understand %q: %w", examples[i].File, examples[i].Line, examples[i].Text, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	intents, keys, annotated := map[string]bool{}, map[string]bool{}, false
	for i := range examples {
		e := &examples[i]
		if e.Intent != "" {
			intents[e.Intent] = true
			if e.ResponseKey != "" {
				keys[e.ResponseKey] = true
			}
		}
		annotated = annotated || len(e.Entities) > 0
	}
	found := &observations{}
	for i := range examples {
		e, p := &examples[i], &parses[i]
		text := ""
		if p.Text != nil {
			text = *p.Text
		}
		if len(intents) >= 2 && e.Intent != "" {
			intent := withoutFallback(p)
			found.intents = append(found.intents, Prediction{text, e.Intent, intent.Name, intent.Confidence})
		}
		if len(keys) >= 2 && e.ResponseKey != "" {
			key, confidence := selected(p, e.Intent)
			found.responses = append(found.responses, Prediction{text, e.ResponseKey, key, confidence})
		}
		if annotated {
			found.entities = append(found.entities, newTokenLabels(text, p.Tokens, e.Entities, learnt(p.Entities)))
		}
	}
	return found, nil
}

// result scores what was observed.
func (o *observations) result() *NLUResult {
	r := &NLUResult{}
	if len(o.intents) > 0 {
		r.Intents = labelResult(o.intents)
	}
	if len(o.responses) > 0 {
		r.Responses = labelResult(o.responses)
	}
	if len(o.entities) > 0 {
		r.Entities = entityResults(o.entities, extractorsOf(o.entities))
	}
	return r
}

// fallbackIntent is the intent of a FallbackClassifier that does not believe the others.
const fallbackIntent = "nlu_fallback"

// withoutFallback is the predicted intent; behind a fallback stands the one that it replaced.
func withoutFallback(p *dialogue.Parse) dialogue.Intent {
	if p.Intent.Name == fallbackIntent && len(p.Ranking) > 1 {
		return p.Ranking[1]
	}
	return p.Intent
}

// selected is the response key that the selector for an intent chose, or the selector for all intents.
func selected(p *dialogue.Parse, intent string) (key string, confidence float64) {
	name := "default"
	if names, _ := p.Selector["all_retrieval_intents"].([]any); containsText(names, intent) && p.Selector[intent] != nil {
		name = intent
	}
	at, _ := p.Selected(name)
	return at.Key, at.Confidence
}

func containsText(list []any, s string) bool {
	return slices.Contains(list, any(s))
}
