package nlu

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"parley/learn"
)

// spanLearner gives entities a role, or a group: it looks at the words around an entity and at the entities before it.
// A nil one gives none.
type spanLearner struct {
	labels []string // sorted; "" is none
	kinds  [][]int  // the labels that each type of entity was seen with
	table  hashTable
	model  *learn.Linear // nil when there is but one label
}

// spanLabel is a label with its confidence.
type spanLabel struct {
	label      string
	confidence float64
}

// trainSpans learns the labels of spans; nil when none has one.
func trainSpans(ctx context.Context, g *tagger, data []tagged, seed uint64, label func(span) string) (*spanLearner, error) {
	l := &spanLearner{kinds: make([][]int, len(g.kinds))}
	withLabel := make([]bool, len(g.kinds))
	for _, d := range data {
		for _, s := range d.spans {
			l.labels = append(l.labels, label(s))
			withLabel[s.kind] = withLabel[s.kind] || label(s) != ""
		}
	}
	l.labels = slices.Compact(sorted(l.labels))
	if len(l.labels) == 0 || len(l.labels) == 1 && l.labels[0] == "" {
		return nil, nil //nolint:nilnil // nothing to learn is no error
	}
	var x attributes
	var rows [][]uint64
	var y []int32
	for _, d := range data {
		if !slices.ContainsFunc(d.spans, func(s span) bool { return withLabel[s.kind] }) {
			continue
		}
		x.read(d.message)
		for i, s := range d.spans {
			if !withLabel[s.kind] {
				continue
			}
			class, _ := slices.BinarySearch(l.labels, label(s))
			if !slices.Contains(l.kinds[s.kind], class) {
				l.kinds[s.kind] = append(l.kinds[s.kind], class)
			}
			rows = append(rows, slices.Clone(spanKeys(&x, d.spans, i)))
			y = append(y, int32(class))
		}
	}
	for _, classes := range l.kinds {
		slices.Sort(classes)
	}
	columns := 0
	seen := map[uint64]bool{}
	for _, row := range rows {
		for _, k := range row {
			if !seen[k] {
				seen[k] = true
				columns++
			}
		}
	}
	l.table = newHashTable(columns)
	next := uint32(0)
	for _, row := range rows {
		for _, k := range row {
			if l.table.find(k) < 0 {
				l.table.put(k, next)
				next++
			}
		}
	}
	if len(l.labels) < 2 {
		return l, nil
	}
	m := learn.NewMatrix(columns)
	for _, row := range rows {
		x.spanCols, x.spanVals = l.row(row, x.spanCols, x.spanVals)
		m.Append(x.spanCols, x.spanVals)
	}
	var err error
	l.model, _, err = learn.TrainLinear(ctx, &learn.Problem{X: m, Y: y, Classes: len(l.labels)}, learn.LinearOptions{Seed: seed, Margin: true})
	return l, err
}

// row makes a row of length one of the keys that training saw.
func (l *spanLearner) row(keys []uint64, cols []uint32, vals []float32) (newCols []uint32, newVals []float32) {
	cols, vals = cols[:0], vals[:0]
	for _, k := range keys {
		if c := l.table.find(k); c >= 0 && !slices.Contains(cols, uint32(c)) {
			cols = append(cols, uint32(c))
		}
	}
	v := 1 / float32(math.Sqrt(float64(max(len(cols), 1))))
	for range cols {
		vals = append(vals, v)
	}
	return cols, vals
}

// spanKeys are the features of a span; the spans before it have their labels. x holds the words of the message.
func spanKeys(x *attributes, spans []span, i int) []uint64 {
	s := spans[i]
	keys := x.spanKeys[:0]
	add := func(template int, what ...uint64) {
		k := attribute(atSpan, template, what...)
		keys = append(keys, k, joinHash(k, uint64(s.kind)+1)) // for all types, and for this one
	}
	w1, w2, w3, n1, n2 := x.word(s.from-1), x.word(s.from-2), x.word(s.from-3), x.word(s.to), x.word(s.to+1)
	add(0)
	add(1, w1)
	add(2, w2)
	add(3, w2, w1)
	add(4, w3)
	add(5, n1)
	add(6, n1, n2)
	for t := s.from; t < s.to; t++ {
		add(7, x.words[t])
	}
	same := 0
	for _, o := range spans[:i] {
		if o.kind == s.kind {
			same++
		}
	}
	add(8, uint64(min(same, 3)))
	if i > 0 {
		p := spans[i-1]
		role, group := textHash(p.role), textHash(p.group)
		add(9, uint64(p.kind))
		add(10, uint64(p.kind), role, group)
		between := uint64(0)
		for t := p.to; t < s.from; t++ {
			add(11, x.words[t], role, group)
			between = joinHash(between, x.words[t])
		}
		add(12, between, role, group)
		// Does the group of the span before have an entity of this type already?
		taken := uint64(0)
		for _, o := range spans[:i] {
			if o.kind == s.kind && o.group == p.group {
				taken = 1
			}
		}
		add(13, group, role, taken)
	} else {
		add(14)
	}
	if i+1 < len(spans) {
		add(15, uint64(spans[i+1].kind))
	}
	x.spanKeys = keys
	return keys
}

func textHash(s string) uint64 {
	h := uint64(hashStart)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

// predict gives the label of a span, "" for none.
func (l *spanLearner) predict(x *attributes, _ *message, spans []span, i int) spanLabel {
	if l == nil || len(l.kinds[spans[i].kind]) == 0 {
		return spanLabel{}
	}
	classes := l.kinds[spans[i].kind]
	if l.model == nil || len(classes) == 1 {
		return spanLabel{l.labels[classes[0]], 1}
	}
	x.spanCols, x.spanVals = l.row(spanKeys(x, spans, i), x.spanCols, x.spanVals)
	x.spanNums = l.model.Scores(x.spanNums, x.spanCols, x.spanVals)
	p := x.spanNums
	for k := range p {
		if !slices.Contains(classes, k) {
			p[k] = -1e30
		}
	}
	learn.Softmax(p)
	best := classes[0]
	for _, k := range classes {
		if p[k] > p[best] {
			best = k
		}
	}
	return spanLabel{l.labels[best], float64(p[best])}
}

func (l *spanLearner) put(w *learn.FileWriter, name string) error {
	if l == nil {
		return nil
	}
	head, err := json.Marshal(struct {
		Labels []string
		Kinds  [][]int
	}{l.labels, l.kinds})
	if err != nil {
		return err
	}
	w.Bytes(name+".labels", head)
	w.Uint64s(name+".keys", l.table.keys)
	w.Uint32s(name+".columns", l.table.values)
	if l.model != nil {
		l.model.Put(w, name)
	}
	return nil
}

// spansFrom reads what put wrote; nil when there is none.
func spansFrom(f *learn.File, name string, kinds []string) (*spanLearner, error) {
	if !f.Has(name + ".labels") {
		return nil, nil //nolint:nilnil // none is no error
	}
	head, err := f.Bytes(name + ".labels")
	if err != nil {
		return nil, err
	}
	var h struct {
		Labels []string
		Kinds  [][]int
	}
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, fmt.Errorf("%w: %s.labels: %v", learn.ErrCorrupt, name, err) //nolint:errorlint // one sentinel is enough
	}
	l := &spanLearner{labels: h.Labels, kinds: h.Kinds}
	if l.table.keys, err = f.Uint64s(name + ".keys"); err != nil {
		return nil, err
	}
	if l.table.values, err = f.Uint32s(name + ".columns"); err != nil {
		return nil, err
	}
	corrupt := fmt.Errorf("%w: %s", learn.ErrCorrupt, name)
	if len(l.kinds) != len(kinds) {
		return nil, corrupt
	}
	for _, classes := range l.kinds {
		for _, k := range classes {
			if k < 0 || k >= len(l.labels) {
				return nil, corrupt
			}
		}
	}
	features := math.MaxInt
	if f.Has(name + ".shape") {
		if l.model, err = learn.LinearFrom(f, name); err != nil {
			return nil, err
		}
		if l.model.Classes() != len(l.labels) {
			return nil, corrupt
		}
		features = l.model.Features()
	}
	return l, l.table.check(features)
}
