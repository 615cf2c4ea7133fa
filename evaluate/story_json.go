package evaluate

// inTrainingData is the share of actions that were predicted from memory. The reference looks for names that its policies no
// longer have, and so always answers 0 (golden http-model-test).
const inTrainingData = 0

// AppendJSON appends the result as POST /model/test/stories answers it.
func (r *StoryResult) AppendJSON(dst []byte) []byte {
	return appendValue(dst, object{
		{"report", r.Report.object()},
		{"precision", r.Report.Weighted.Precision},
		{"f1", r.Report.Weighted.F1},
		{"accuracy", r.Report.Accuracy},
		{"actions", list(r.Actions, func(a *ActionResult) any {
			var policy any
			if a.Policy != "" {
				policy = a.Policy
			}
			return object{{"action", a.Action}, {"predicted", a.Predicted}, {"policy", policy}, {"confidence", a.Confidence}}
		})},
		{"in_training_data_fraction", inTrainingData},
		{"is_end_to_end_evaluation", r.EndToEnd},
	})
}

// reportObject is the report of story_report.json, with the share of stories that did not fail.
func (r *StoryResult) reportObject() object {
	o := r.Report.object()
	if n := len(r.Stories); n > 0 {
		o = append(o, member{"conversation_accuracy", object{
			{"accuracy", float64(r.Correct()) / float64(n)}, {"correct", r.Correct()}, {"with_warnings", r.Warned()}, {"total", n},
		}})
	}
	return o
}
