package evaluate

import (
	"parley/dialogue"
)

// AppendJSON appends the result as POST /model/test/intents answers it.
func (r *NLUResult) AppendJSON(dst []byte) []byte {
	var intents, extractors, responses any
	if r.Intents != nil {
		intents = r.Intents.object(intentNames)
	}
	if r.Responses != nil {
		responses = r.Responses.object(responseNames)
	}
	if r.Entities != nil {
		o := object{}
		for i := range r.Entities {
			e := &r.Entities[i]
			o = append(o, member{e.Extractor, object{
				{"report", e.Report.object()},
				{"precision", e.Report.Weighted.Precision},
				{"f1_score", e.Report.Weighted.F1},
				{"accuracy", e.Report.Accuracy},
				{"errors", entityPredictions(e.Errors)},
			}})
		}
		extractors = o
	}
	return appendValue(dst, object{
		{"intent_evaluation", intents}, {"entity_evaluation", extractors}, {"response_selection_evaluation", responses},
	})
}

// names are the keys of a label in JSON.
type names struct{ target, predicted, prediction string }

var (
	intentNames   = names{"intent", "predicted", "intent_prediction"}
	responseNames = names{"intent_response_key_target", "intent_response_key_prediction", "intent_response_key_prediction"}
)

func (r *LabelResult) object(n names) object {
	return object{
		{"predictions", list(r.Predictions, func(p *Prediction) any {
			return object{{"text", p.Text}, {n.target, p.Target}, {n.predicted, p.Predicted}, {"confidence", p.Confidence}}
		})},
		{"report", r.Report.object()},
		{"precision", r.Report.Weighted.Precision},
		{"f1_score", r.Report.Weighted.F1},
		{"accuracy", r.Report.Accuracy},
		{"errors", detailed(r.Errors(), n)},
	}
}

// detailed are predictions as errors and successes list them.
func detailed(predictions []Prediction, n names) []any {
	return list(predictions, func(p *Prediction) any {
		return object{
			{"text", p.Text},
			{n.target, p.Target},
			{n.prediction, object{{"name", p.Predicted}, {"confidence", p.Confidence}}},
		}
	})
}

func entityPredictions(predictions []EntityPrediction) []any {
	return list(predictions, func(p *EntityPrediction) any {
		return object{
			{"text", p.Text},
			{"entities", list(p.Targets, func(e *dialogue.Entity) any { return p.target(e) })},
			{"predicted_entities", entities(p.Entries)},
		}
	})
}

// target is an annotated entity as the reference writes it.
func (p *EntityPrediction) target(e *dialogue.Entity) object {
	var o object
	if p.withText {
		o = object{{"text", p.Text}}
	}
	if e.Start >= 0 {
		o = append(o, member{"start", e.Start})
	}
	if e.End >= 0 {
		o = append(o, member{"end", e.End})
	}
	o = append(o, member{"value", e.Value}, member{"entity", e.Entity})
	for _, part := range []member{{"role", e.Role}, {"group", e.Group}} {
		if part.value != "" {
			o = append(o, part)
		}
	}
	return o
}
