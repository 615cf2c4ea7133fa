package nlu

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"parley/dialogue"
	"parley/learn"
)

// tagger finds entities by tagging tokens. It is what works inside DIETClassifier and CRFEntityExtractor.
type tagger struct {
	window   [][]string        // the features to look at; nil: all that are known to help
	kinds    []string          // types of entities, sorted
	table    hashTable         // attributes
	language string            // whose classes of words are known
	classes  map[uint64]uint64 // of language
	crf      *learn.CRF
	roles    *spanLearner
	groups   *spanLearner
}

// taggerOptions are the options of the components that tag.
type taggerOptions struct {
	component string // whose name the entities bear
	window    [][]string
	touching  bool            // BILOU_flag: entities of one type may stand side by side
	split     map[string]bool // split_entities_by_comma, by type; "" for all others
	passes    int
	seed      uint64
}

// decodeSplit reads split_entities_by_comma: a truth value, or one for each type.
func decodeSplit(o *options) map[string]bool {
	v, ok := o.value("split_entities_by_comma")
	if !ok {
		return map[string]bool{"": true}
	}
	switch v := v.(type) {
	case bool:
		return map[string]bool{"": v}
	case map[string]any:
		out := map[string]bool{"": true}
		for name, s := range v {
			b, ok := s.(bool)
			if !ok {
				o.fail("split_entities_by_comma", "%s must be true or false, not %s", name, describe(s))
			}
			out[name] = b
		}
		return out
	}
	o.fail("split_entities_by_comma", "must be true, false, or a mapping of entities to these, not %s", describe(v))
	return map[string]bool{"": true}
}

// span is an entity in tokens: a half-open range.
type span struct {
	from, to int
	kind     int
	role     string
	group    string
}

// tagged is a text with its entities.
type tagged struct {
	message *message
	spans   []span
	intents []uint64 // what an intent classifier thinks of the text
}

// trainTagger learns entities; nil, nil when no example has one.
func trainTagger(ctx context.Context, t *training, opts taggerOptions, intents [][]uint64) (*tagger, error) {
	g := &tagger{window: opts.window}
	if g.window == nil {
		g.speak(t.opts.Language)
	}
	g.kinds = entityKinds(t, opts.component)
	if len(g.kinds) == 0 {
		return nil, nil //nolint:nilnil // nothing to learn is no error
	}
	var data []tagged
	with := 0
	for i, m := range t.messages {
		if len(m.tokens) == 0 || t.data.Examples[i].Text == "" {
			continue
		}
		d := tagged{message: m, spans: g.align(t, i, opts.component)}
		if intents != nil {
			d.intents = intents[i]
		}
		if len(d.spans) > 0 {
			with++
		}
		data = append(data, d)
	}
	// The order of the files must not matter.
	slices.SortStableFunc(data, func(a, b tagged) int { return compareTexts(a.message.text, b.message.text) })
	sequences, attributes := g.sequences(data)
	if rest := len(data) - with; rest > 10*with {
		for i := range sequences {
			if len(data[i].spans) == 0 {
				sequences[i].Weight = 0.5
			}
		}
	}
	passes := 8
	if opts.passes > 0 {
		passes = min(passes, opts.passes)
	}
	if len(data) < 500 {
		passes = max(passes, min(30, 4000/max(len(data), 1)))
	}
	var err error
	g.crf, err = learn.TrainCRF(ctx, sequences, learn.CRFOptions{
		Attributes: attributes, Kinds: len(g.kinds), Passes: passes,
		Rate: 0.5, Dropout: 0.3, Hidden: 0.5, L2: 3e-3, Seed: opts.seed, Progress: t.progress(opts.component),
	})
	if err != nil {
		return nil, err
	}
	if g.roles, err = trainSpans(ctx, g, data, opts.seed, func(s span) string { return s.role }); err != nil {
		return nil, err
	}
	if g.groups, err = trainSpans(ctx, g, data, opts.seed, func(s span) string { return s.group }); err != nil {
		return nil, err
	}
	return g, nil
}

// entityKinds are the types of the annotated entities that a component may learn: not those that belong to another extractor.
func entityKinds(t *training, component string) []string {
	var kinds []string
	for i := range t.data.Examples {
		for _, e := range t.data.Examples[i].Entities {
			if e.Extractor == "" || e.Extractor == component {
				kinds = append(kinds, e.Entity)
			}
		}
	}
	return slices.Compact(sorted(kinds))
}

// align finds the tokens of an example's annotations. One that does not begin and end with a token is left out.
func (g *tagger) align(t *training, example int, component string) []span {
	e := &t.data.Examples[example]
	m := t.messages[example]
	var spans []span
	for _, entity := range e.Entities {
		if entity.Extractor != "" && entity.Extractor != component {
			continue
		}
		start, end, ok := byteRange(m.text, entity.Start, entity.End)
		s := span{from: -1, to: -1, role: entity.Role, group: entity.Group}
		s.kind, _ = slices.BinarySearch(g.kinds, entity.Entity)
		for i, tok := range m.tokens {
			if tok.start == start {
				s.from = i
			}
			if tok.end == end {
				s.to = i + 1
			}
		}
		if !ok || s.from < 0 || s.to <= s.from {
			t.warn("%s%s: the annotation of %s in %q does not begin and end with a token; it is not learned from", place(e.File, e.Line),
				component, entity.Entity, e.Text)
			continue
		}
		if slices.ContainsFunc(spans, func(o span) bool { return s.from < o.to && o.from < s.to }) {
			t.warn("%s%s: annotations overlap in %q; the first is learned from", place(e.File, e.Line), component, e.Text)
			continue
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	return spans
}

// sequences makes the attributes of some texts, and the table that numbers them.
func (g *tagger) sequences(data []tagged) (out []learn.Sequence, count int) {
	const many = 200_000 // above this, attributes that occur once are dropped
	var x attributes
	counts := map[uint64]int32{}
	var order []uint64
	for i := range data {
		g.attributes(&x, data[i].message, data[i].intents)
		for _, k := range x.keys {
			if counts[k] == 0 {
				order = append(order, k)
			}
			counts[k]++
		}
	}
	if len(order) > many {
		order = slices.DeleteFunc(order, func(k uint64) bool { return counts[k] < 2 })
	}
	g.table = newHashTable(len(order))
	for i, k := range order {
		g.table.put(k, uint32(i))
	}
	for i := range data {
		g.attributes(&x, data[i].message, data[i].intents)
		s := learn.Sequence{Labels: make([]uint16, len(data[i].message.tokens))}
		s.Starts, s.Words, s.Attrs = g.number(&x, nil, nil, nil)
		for _, sp := range data[i].spans {
			s.Labels[sp.from] = learn.Begin(sp.kind)
			for t := sp.from + 1; t < sp.to; t++ {
				s.Labels[t] = learn.Inside(sp.kind)
			}
		}
		out = append(out, s)
	}
	return out, len(order)
}

// speak says whose classes of words to look at.
func (g *tagger) speak(language string) { g.language, g.classes = language, wordClasses(language) }

// number turns the hashes of attributes into their numbers, leaving out those that training did not see.
func (g *tagger) number(x *attributes, starts, own, attrs []uint32) (newStarts, newOwn, newAttrs []uint32) {
	starts, own, attrs = append(starts[:0], 0), own[:0], attrs[:0]
	for t := range len(x.starts) - 1 {
		from, to := x.starts[t], x.starts[t+1]
		attrs = g.find(attrs, x.keys[from:x.own[t]])
		own = append(own, uint32(len(attrs)))
		attrs = g.find(attrs, x.keys[x.own[t]:to])
		starts = append(starts, uint32(len(attrs)))
	}
	return starts, own, attrs
}

// find appends the numbers of the hashes that training saw.
func (g *tagger) find(numbers []uint32, keys []uint64) []uint32 {
	for _, k := range keys {
		if n := g.table.find(k); n >= 0 {
			numbers = append(numbers, uint32(n))
		}
	}
	return numbers
}

// tag adds the entities of a message.
func (g *tagger) tag(m *message, opts *taggerOptions, intents []uint64) {
	if len(m.tokens) == 0 || m.text == "" {
		return
	}
	x := &m.attrs
	g.attributes(x, m, intents)
	x.numStarts, x.numOwn, x.nums = g.number(x, x.numStarts, x.numOwn, x.nums)
	x.labels, x.probs = g.crf.Tag(x.numStarts, x.nums, x.labels, x.probs)
	if len(x.probs) == 0 {
		return // nothing but O
	}
	first := len(m.entities)
	spans := x.spans[:0]
	for i, label := range x.labels {
		kind, inside := learn.LabelKind(label)
		if kind < 0 {
			continue
		}
		if n := len(spans); n > 0 && inside && g.continues(m, opts, spans[n-1], span{from: i, kind: kind}) {
			spans[n-1].to++
			e := &m.entities[first+n-1]
			e.End = m.tokens[i].end
			*e.Confidence = min(*e.Confidence, float64(x.probs[i]))
			continue
		}
		p := float64(x.probs[i])
		spans = append(spans, span{from: i, to: i + 1, kind: kind})
		m.entities = append(m.entities, dialogue.Entity{
			Entity: g.kinds[kind], Start: m.tokens[i].start, End: m.tokens[i].end,
			Confidence: &p, Extractor: opts.component,
		})
	}
	for i := range spans {
		e := &m.entities[first+i]
		if p := g.roles.predict(x, m, spans, i); p.label != "" {
			spans[i].role, e.Role, e.RoleConfidence = p.label, p.label, &p.confidence
		}
		if p := g.groups.predict(x, m, spans, i); p.label != "" {
			spans[i].group, e.Group, e.GroupConfidence = p.label, p.label, &p.confidence
		}
	}
	if !opts.touching {
		spans = g.merge(m, opts, spans, first)
	}
	x.spans = spans
	for i := range m.entities[first:] {
		e := &m.entities[first+i]
		e.Value = m.text[e.Start:e.End]
	}
}

func (g *tagger) put(w *learn.FileWriter, name string) error {
	head, err := json.Marshal(struct {
		Kinds    []string
		Window   [][]string
		Language string
	}{g.kinds, g.window, g.language})
	if err != nil {
		return err
	}
	w.Bytes(name+".kinds", head)
	w.Uint64s(name+".keys", g.table.keys)
	w.Uint32s(name+".numbers", g.table.values)
	g.crf.Put(w, name+".crf")
	if err := g.roles.put(w, name+".role"); err != nil {
		return err
	}
	return g.groups.put(w, name+".group")
}

// taggerFrom reads what put wrote; nil, nil when there is none.
func taggerFrom(f *learn.File, name string) (*tagger, error) {
	if !f.Has(name + ".kinds") {
		return nil, nil //nolint:nilnil // untrained is no error
	}
	head, err := f.Bytes(name + ".kinds")
	if err != nil {
		return nil, err
	}
	var h struct {
		Kinds    []string
		Window   [][]string
		Language string
	}
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, fmt.Errorf("%w: %s.kinds: %v", learn.ErrCorrupt, name, err) //nolint:errorlint // one sentinel is enough
	}
	g := &tagger{kinds: h.Kinds, window: h.Window}
	g.speak(h.Language)
	if g.table.keys, err = f.Uint64s(name + ".keys"); err != nil {
		return nil, err
	}
	if g.table.values, err = f.Uint32s(name + ".numbers"); err != nil {
		return nil, err
	}
	if g.crf, err = learn.CRFFrom(f, name+".crf"); err != nil {
		return nil, err
	}
	if err := g.table.check(g.crf.Attributes()); err != nil {
		return nil, err
	}
	if g.crf.Kinds() != len(g.kinds) {
		return nil, fmt.Errorf("%w: %s: %d kinds, %d names", learn.ErrCorrupt, name, g.crf.Kinds(), len(g.kinds))
	}
	if g.roles, err = spansFrom(f, name+".role", g.kinds); err != nil {
		return nil, err
	}
	g.groups, err = spansFrom(f, name+".group", g.kinds)
	return g, err
}
