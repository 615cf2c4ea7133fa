package evaluate

import (
	"bytes"
	"encoding/json"
	"slices"

	"parley/dialogue"
)

// member is one key of an object whose keys keep their order.
type member struct {
	key   string
	value any
}

// object is a JSON object whose keys keep their order.
type object []member

// appender is what writes itself as JSON.
type appender interface {
	appendJSON(dst []byte) []byte
}

// appendValue appends a value as JSON: objects, lists, what writes itself, and plain values.
func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = dialogue.AppendString(dst, m.key)
			dst = appendValue(append(dst, ':'), m.value)
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, item)
		}
		return append(dst, ']')
	case appender:
		return v.appendJSON(dst)
	}
	return dialogue.AppendJSON(dst, v)
}

// list makes values of items.
func list[T any](items []T, value func(*T) any) []any {
	values := make([]any, len(items))
	for i := range items {
		values[i] = value(&items[i])
	}
	return values
}

// indented is a value as JSON in the layout of the reference's report files.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, appendValue(nil, v), "", "  ")
	return b.Bytes(), err
}

func (s Score) object(inexact bool) object {
	var support any = s.Support
	if inexact {
		support = float64(s.Support)
	}
	return object{{"precision", s.Precision}, {"recall", s.Recall}, {"f1-score", s.F1}, {"support", support}}
}

// averages are the rows of a report that are no labels.
var averages = []string{"accuracy", "micro avg", "macro avg", "weighted avg"}

// object is the report with the keys in the reference's order; without labels it is empty. Where nothing at all was predicted right
// scikit-learn counts in floating point: "support": 2.0.
func (r *Report) object() object {
	o := object{}
	if len(r.Labels) == 0 {
		return o
	}
	inexact := r.Accuracy == 0
	for _, l := range r.Labels {
		if slices.Contains(averages, l.Label) {
			continue // an average has this name; there cannot be two
		}
		row := l.Score.object(inexact)
		if l.ConfusedWith != nil {
			with := object{}
			for _, c := range l.ConfusedWith {
				with = append(with, member{c.Label, c.Count})
			}
			row = append(row, member{"confused_with", with})
		}
		o = append(o, member{l.Label, row})
	}
	micro, accuracy := member{"micro avg", r.Micro.object(inexact)}, member{"accuracy", r.Accuracy}
	first, last := micro, accuracy
	if r.all {
		first, last = accuracy, micro
	}
	return append(o, first, member{"macro avg", r.Macro.object(inexact)}, member{"weighted avg", r.Weighted.object(inexact)}, last)
}

// entities writes entities as JSON.
type entities []dialogue.Entity

func (e entities) appendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	for i := range e {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e[i].AppendJSON(dst)
	}
	return append(dst, ']')
}
