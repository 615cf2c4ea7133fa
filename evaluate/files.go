package evaluate

import (
	"fmt"
	"os"
	"path/filepath"
)

// Files says which result files are written, and where.
type Files struct {
	Dir       string // made when it is not there
	Errors    bool   // what was predicted wrong
	Successes bool   // what was predicted right
	Warnings  bool   // stories with warnings
	Plots     bool   // confusion matrices and histograms, as pictures and as numbers
	// Wrote, when set, is told the path of each file.
	Wrote func(path string)
}

// Names of result files.
const (
	FailedStories     = "failed_test_stories.yml"
	SuccessfulStories = "successful_test_stories.yml"
	StoriesWarnings   = "stories_with_warnings.yml"
)

// writer writes result files until one cannot be written.
type writer struct {
	Files
	err error
}

func (f Files) open() *writer {
	w := &writer{Files: f}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil { //nolint:gosec // results are for everybody who may read the project
		w.err = fmt.Errorf("make the folder for the results: %w", err)
	}
	return w
}

func (w *writer) file(name string, data []byte) {
	if w.err != nil {
		return
	}
	path := filepath.Join(w.Dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil { //nolint:gosec // as above
		w.err = fmt.Errorf("write the results: %w", err)
		return
	}
	if w.Wrote != nil {
		w.Wrote(path)
	}
}

func (w *writer) json(name string, v any) {
	data, err := indented(v)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("write the results: %s: %w", name, err)
	}
	w.file(name, data)
}

// items writes a list that is not empty.
func (w *writer) items(name string, items []any) {
	if len(items) > 0 {
		w.json(name, items)
	}
}

// confusion draws a confusion matrix, an empty one too.
func (w *writer) confusion(name, title string, c *Confusion) {
	if !w.Plots {
		return
	}
	w.file(name+"_confusion_matrix.svg", confusionSVG(title, c))
	w.json(name+"_confusion_matrix.json", c.object())
}

// histogram draws the confidences of right and wrong predictions.
func (w *writer) histogram(name, title string, correct, wrong []float64) {
	if !w.Plots || len(correct)+len(wrong) == 0 {
		return
	}
	h := newHistogram(correct, wrong)
	w.file(name+"_histogram.svg", h.svg(title))
	w.json(name+"_histogram.json", h.object())
}

// Write writes the reports of intents, responses and entities, and what goes with them.
func (r *NLUResult) Write(f Files) error {
	w := f.open()
	if r.Intents != nil {
		w.labels("intent", "Intent", r.Intents, intentNames)
	}
	if r.Responses != nil {
		w.labels("response_selection", "Response selection", r.Responses, responseNames)
	}
	w.entities(r.Entities)
	return w.err
}

func (w *writer) labels(name, title string, r *LabelResult, n names) {
	w.json(name+"_report.json", r.Report.object())
	if w.Successes {
		w.items(name+"_successes.json", detailed(r.Successes(), n))
	}
	if w.Errors {
		w.items(name+"_errors.json", detailed(r.Errors(), n))
	}
	w.confusion(name, title+": confusion matrix", r.Confusion)
	w.histogram(name, title+": confidence of predictions", confidences(r.Successes()), confidences(r.Errors()))
}

func confidences(predictions []Prediction) []float64 {
	values := make([]float64, len(predictions))
	for i, p := range predictions {
		values[i] = p.Confidence
	}
	return values
}

func (w *writer) entities(results []EntityResult) {
	for i := range results {
		r := &results[i]
		w.json(r.Extractor+"_report.json", r.Report.object())
		if w.Successes {
			w.items(r.Extractor+"_successes.json", entityPredictions(r.Successes))
		}
		if w.Errors {
			w.items(r.Extractor+"_errors.json", entityPredictions(r.Errors))
		}
		w.confusion(r.Extractor, r.Extractor+": confusion matrix of tokens", r.Confusion)
		w.histogram(r.Extractor, r.Extractor+": confidence of entities", r.Correct, r.Wrong)
	}
}

// Write writes the report of stories, the stories that went wrong, and what goes with them.
func (r *StoryResult) Write(f Files) error {
	w := f.open()
	w.json("story_report.json", r.reportObject())
	w.entities(r.Entities)
	w.confusion("story", "Actions: confusion matrix", r.Confusion)
	if w.Errors {
		w.file(FailedStories, r.Failed())
	}
	if w.Successes {
		w.file(SuccessfulStories, r.Successful())
	}
	if w.Warnings {
		w.file(StoriesWarnings, r.Warnings())
	}
	return w.err
}

func (c *Confusion) object() object {
	labels, rows := make([]any, len(c.Labels)), make([]any, len(c.Counts))
	for i := range c.Labels {
		labels[i] = c.Labels[i]
		row := make([]any, len(c.Counts[i]))
		for j, n := range c.Counts[i] {
			row[j] = n
		}
		rows[i] = row
	}
	return object{{"labels", labels}, {"counts", rows}}
}
