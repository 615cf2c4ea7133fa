package evaluate

import (
	"maps"
	"math"
	"slices"
)

// Mean is the average of the folds.
func (m Metric) Mean() float64 {
	sum := 0.0
	for _, v := range m {
		sum += v
	}
	return sum / float64(max(len(m), 1))
}

// Deviation is the standard deviation of the folds.
func (m Metric) Deviation() float64 {
	mean, sum := m.Mean(), 0.0
	for _, v := range m {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(max(len(m), 1)))
}

// AppendJSON appends the result as POST /model/test/intents answers a cross-validation. As in the reference f1_score is null (golden
// http-no-model): the weighted average of the report has it. The report of entities is one for each extractor, where the reference's
// is empty.
func (r *CrossResult) AppendJSON(dst []byte) []byte {
	labels := func(l *LabelResult, n names) object {
		if l == nil {
			return object{{"report", object{}}, {"precision", nil}, {"f1_score", nil}, {"errors", []any{}}}
		}
		return object{
			{"report", l.Report.object()}, {"precision", l.Report.Weighted.Precision}, {"f1_score", nil}, {"errors", detailed(l.Errors(), n)},
		}
	}
	reports, wrong := object{}, []any{}
	for i := range r.Entities {
		e := &r.Entities[i]
		reports = append(reports, member{e.Extractor, e.Report.object()})
		wrong = append(wrong, entityPredictions(e.Errors)...)
	}
	return appendValue(dst, object{
		{"intent_evaluation", labels(r.Intents, intentNames)},
		{"entity_evaluation", object{{"report", reports}, {"precision", nil}, {"f1_score", nil}, {"errors", wrong}}},
		{"response_selection_evaluation", labels(r.Responses, responseNames)},
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
