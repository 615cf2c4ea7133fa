package nlu

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/dialogue"
	"parley/learn"
)

// responseSelector picks the response of a retrieval intent that fits a text best.
type responseSelector struct {
	networkOptions
	retrievalIntent string // "": all
	textAsLabel     bool
	before          []component

	learner   *intentLearner
	all       []any             // names of the retrieval intents of the training data, sorted; shared by results
	only      string            // the single label, when there is but one
	keys      map[string]string // label → response key, when labels are texts
	responses map[string][]any  // by response key, as they are sent
}

func newResponseSelector(o *options) component {
	r := &responseSelector{networkOptions: decodeNetworkOptions(o)}
	r.retrievalIntent = o.text("retrieval_intent", "")
	r.textAsLabel = o.boolean("use_text_as_label", false)
	o.without("intent_classification", "entity_recognition", "BILOU_flag", "split_entities_by_comma")
	return r
}

func (r *responseSelector) bind(before []component) { r.before = slices.Clone(before) }

func (r *responseSelector) train(ctx context.Context, t *training) error {
	intents := map[string]bool{}
	r.responses, r.keys = map[string][]any{}, map[string]string{}
	var data []labelled
	for i, m := range t.messages {
		e := &t.data.Examples[i]
		if e.ResponseKey == "" {
			continue
		}
		intents[e.Intent] = true
		if r.retrievalIntent != "" && e.Intent != r.retrievalIntent {
			continue
		}
		label := e.ResponseKey
		if r.textAsLabel {
			label = firstText(t.data.Responses["utter_"+e.ResponseKey], label)
			if _, taken := r.keys[label]; !taken {
				r.keys[label] = e.ResponseKey
			}
		}
		r.only = label
		data = append(data, labelled{message: m, label: label})
	}
	for _, intent := range slices.Sorted(maps.Keys(intents)) {
		r.all = append(r.all, intent)
	}
	for key, list := range t.data.Responses {
		bodies := make([]any, len(list))
		for i, response := range list {
			bodies[i] = body(response)
		}
		r.responses[strings.TrimPrefix(key, "utter_")] = bodies
	}
	var err error
	r.learner, _, err = trainIntents(ctx, sources(r.before, r.featurizers), data, r.linear(t, "ResponseSelector"))
	return err
}

// body is a response as it stands in the answer.
func body(r dialogue.Response) any {
	out := make(map[string]any, len(r.Body))
	maps.Copy(out, r.Body)
	return out
}

// firstText is the text that stands for a response: Rasa takes the last variation that has one.
func firstText(list []dialogue.Response, def string) string {
	for _, r := range slices.Backward(list) {
		if text, ok := r.Body["text"].(string); ok && text != "" {
			return text
		}
	}
	return def
}

func (r *responseSelector) process(_ context.Context, m *message) error {
	var ranking []dialogue.Intent
	switch {
	case r.learner != nil:
		ranking = r.learner.rank(r.learner.predict(m), r.rankingLength)
	case r.only != "":
		ranking = []dialogue.Intent{{Name: r.only, Confidence: 1}}
	}
	for i := range ranking {
		ranking[i].Name = r.key(ranking[i].Name)
	}
	// Without a label Rasa answers nulls, and the name utter_None.
	chosen := &dialogue.Selection{Utter: "utter_None", Ranking: ranking}
	if len(ranking) > 0 {
		key := ranking[0].Name
		chosen.Key, chosen.Utter, chosen.Confidence, chosen.Responses = key, "utter_"+key, ranking[0].Confidence, r.responses[key]
		if len(chosen.Responses) == 0 {
			chosen.Responses = []any{map[string]any{"text": key}}
		}
	}
	name := "default"
	if r.retrievalIntent != "" {
		name = r.retrievalIntent
	}
	if m.selector == nil {
		m.selector = map[string]any{}
	}
	m.selector["all_retrieval_intents"] = r.all
	m.selector[name] = chosen
	return nil
}

// key is the response key of a label.
func (r *responseSelector) key(label string) string {
	if key, ok := r.keys[label]; ok {
		return key
	}
	return label
}

func (r *responseSelector) save(w *learn.FileWriter) error {
	keys, responses := map[string]any{}, map[string]any{}
	for k, v := range r.keys {
		keys[k] = v
	}
	for k, v := range r.responses {
		responses[k] = v
	}
	w.Bytes("selector", dialogue.AppendJSON(nil, map[string]any{"keys": keys, "responses": responses, "all": r.all, "only": r.only}))
	if r.learner == nil {
		return nil
	}
	return r.learner.put(w)
}

func (r *responseSelector) load(f *learn.File) error {
	data, err := f.Bytes("selector")
	if err != nil {
		return err
	}
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		return fmt.Errorf("read responses: %w", err)
	}
	corrupt := fmt.Errorf("%w: selector", learn.ErrCorrupt)
	object, ok := v.(map[string]any)
	if !ok {
		return corrupt
	}
	if r.only, ok = object["only"].(string); !ok {
		return corrupt
	}
	r.keys, r.responses = map[string]string{}, map[string][]any{}
	keys, ok := object["keys"].(map[string]any)
	if !ok {
		return corrupt
	}
	for label, key := range keys {
		if r.keys[label], ok = key.(string); !ok {
			return corrupt
		}
	}
	responses, ok := object["responses"].(map[string]any)
	if !ok {
		return corrupt
	}
	for key, list := range responses {
		if r.responses[key], ok = list.([]any); !ok {
			return corrupt
		}
	}
	if r.all, ok = object["all"].([]any); !ok {
		return corrupt
	}
	for _, intent := range r.all {
		if _, ok := intent.(string); !ok {
			return corrupt
		}
	}
	r.learner, err = intentLearnerFrom(f, r.before)
	return err
}
