package nlu

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"parley/learn"
)

// encoder turns a text into a sparse row: every block of features weighted by how rare they are (TF-IDF) and scaled to
// length one.
type encoder struct {
	blocks  []block
	table   hashTable
	idf     []float32 // of each column
	scratch sync.Pool // *encoderScratch
}

type encoderScratch struct {
	lexer
	counts []uint16 // of each column, zero between uses
}

// sources are the blocks that the featurizers of a pipeline stand for; names, when given, are the aliases to read.
// Blocks as in Rasa's default pipeline give way to words 1–2 and characters 2–5, which measured better.
func sources(before []component, names []string) []block {
	var blocks []block
	custom := false
	wanted := func(f featurizer) bool { return len(names) == 0 || slices.Contains(names, f.name()) }
	for _, c := range before {
		if f, ok := c.(*countFeaturizer); ok && wanted(f) {
			blocks = append(blocks, f.block)
			custom = custom || !f.block.isDefault()
		}
	}
	if len(names) > 0 && len(blocks) > 0 {
		custom = true
	}
	if !custom {
		blocks = []block{{Analyzer: "word", Min: 1, Max: 2}, {Analyzer: "char_wb", Min: 2, Max: 5}}
	}
	for _, c := range before {
		if f, ok := c.(*regexFeaturizer); ok && wanted(f) {
			blocks = append(blocks, block{Analyzer: "pattern", Slot: f.slot, Weight: 0.5})
		}
		if f, ok := c.(*denseFeaturizer); ok && wanted(f) && f.vectors != nil {
			blocks = append(blocks, block{Analyzer: "dense", Slot: f.slot, Weight: f.weight, Width: f.vectors.Width(), dense: f})
		}
	}
	return blocks
}

// newEncoder learns the vocabulary of some messages.
func newEncoder(blocks []block, messages []*message) *encoder {
	e := &encoder{blocks: blocks}
	type column struct {
		key   uint64
		count int32
		last  int32 // document that counted, from 1
	}
	n := len(messages)
	var columns []column
	var x lexer
	for i := range e.blocks {
		b := &e.blocks[i]
		if b.Analyzer == "dense" {
			for j := range b.Width {
				columns = append(columns, column{key: patternKey(seedOf(i), j), count: 1})
			}
			continue
		}
		if b.Analyzer == "pattern" {
			top := -1
			for _, m := range messages {
				for _, h := range m.hits[b.Slot] {
					top = max(top, h.pattern)
				}
			}
			for p := range top + 1 {
				columns = append(columns, column{key: patternKey(seedOf(i), p), count: 1})
			}
			continue
		}
		seen := map[uint64]int32{} // place in found
		var found []column
		for doc, m := range messages {
			x.ready = false
			for _, key := range b.features(&x, m, seedOf(i), nil) {
				at, ok := seen[key]
				if !ok {
					at = int32(len(found))
					seen[key] = at
					found = append(found, column{key: key})
				}
				if c := &found[at]; c.last != int32(doc+1) {
					c.last = int32(doc + 1)
					c.count++
				}
			}
		}
		least, most := b.limits(n)
		found = slices.DeleteFunc(found, func(c column) bool { return int(c.count) < least || int(c.count) > most })
		if b.MaxFeatures > 0 && len(found) > b.MaxFeatures {
			slices.SortStableFunc(found, func(a, b column) int { return cmp.Compare(b.count, a.count) }) // of equal ones the first
			found = found[:b.MaxFeatures]
		}
		columns = append(columns, found...)
	}
	e.table = newHashTable(len(columns))
	e.idf = make([]float32, len(columns))
	for i, c := range columns {
		e.table.put(c.key, uint32(i))
		e.idf[i] = float32(math.Log(float64(1+n)/float64(1+c.count)) + 1)
	}
	return e
}

// limits are the document frequencies that a feature must and may have. Above 5 000 documents an n-gram of characters
// must occur twice: half the model, for at most 0.4 points of accuracy.
func (b *block) limits(documents int) (least, most int) {
	least, most = b.MinDF, b.MaxDF
	if b.MinShare > 0 {
		least = int(math.Ceil(b.MinShare * float64(documents)))
	}
	if most == 0 {
		most = documents
		if b.MaxShare > 0 {
			most = int(b.MaxShare * float64(documents))
		}
	}
	if b.Analyzer != "word" && documents >= 5000 {
		least = max(least, 2)
	}
	return max(least, 1), most
}

func seedOf(block int) uint64 { return mixHash(uint64(block) + 1) }

func patternKey(seed uint64, pattern int) uint64 { return mixHash(seed ^ uint64(pattern+1)*hashPrime) }

// columns is the width of a row.
func (e *encoder) columns() int { return len(e.idf) }

// encode leaves the row of a message in m.cols and m.vals.
func (e *encoder) encode(m *message) {
	s, ok := e.scratch.Get().(*encoderScratch)
	if !ok {
		s = &encoderScratch{counts: make([]uint16, len(e.idf))}
	}
	s.ready = false
	m.cols, m.vals = m.cols[:0], m.vals[:0]
	for i := range e.blocks {
		b := &e.blocks[i]
		from := len(m.cols)
		seed := seedOf(i)
		if b.Analyzer == "dense" {
			first := uint32(e.table.find(patternKey(seed, 0))) // the others follow
			for j, v := range m.dense[b.Slot] {
				m.cols, m.vals = append(m.cols, first+uint32(j)), append(m.vals, v*b.Weight)
			}
			continue
		}
		if b.Analyzer == "pattern" {
			for _, h := range m.hits[b.Slot] {
				m.count(s.counts, e.table.find(patternKey(seed, h.pattern)))
			}
		} else {
			var known func(uint64) bool
			if b.OOVToken != "" {
				known = func(key uint64) bool { return e.table.find(key) >= 0 }
			}
			for _, key := range b.features(&s.lexer, m, seed, known) {
				m.count(s.counts, e.table.find(key))
			}
		}
		var sum float32
		for _, c := range m.cols[from:] {
			v := e.idf[c]
			if n := s.counts[c]; b.Analyzer == "pattern" {
				v = 1
			} else if n > 1 {
				v *= 1 + float32(math.Log(float64(n)))
			}
			s.counts[c] = 0
			sum += v * v
			m.vals = append(m.vals, v)
		}
		if sum > 0 {
			scale := 1 / float32(math.Sqrt(float64(sum)))
			if b.Weight > 0 {
				scale *= b.Weight
			}
			for j := from; j < len(m.vals); j++ {
				m.vals[j] *= scale
			}
		}
	}
	e.scratch.Put(s)
}

// count adds one to the count of a column; a column seen for the first time joins the row.
func (m *message) count(counts []uint16, col int) {
	if col < 0 {
		return
	}
	if counts[col] == 0 {
		m.cols = append(m.cols, uint32(col))
	}
	if counts[col] < math.MaxUint16 {
		counts[col]++
	}
}

// denseWidth reports whether the dense featurizer with a number gives vectors of a width.
func denseWidth(before []component, slot, width int) bool {
	return slices.ContainsFunc(before, func(c component) bool {
		d, ok := c.(*denseFeaturizer)
		return ok && d.slot == slot && d.vectors != nil && d.vectors.Width() == width
	})
}

func (e *encoder) put(w *learn.FileWriter, name string) error {
	blocks, err := json.Marshal(e.blocks)
	if err != nil {
		return err
	}
	w.Bytes(name+".blocks", blocks)
	w.Uint64s(name+".keys", e.table.keys)
	w.Uint32s(name+".columns", e.table.values)
	w.Float32s(name+".idf", e.idf)
	return nil
}

func encoderFrom(f *learn.File, name string, before []component) (*encoder, error) {
	data, err := f.Bytes(name + ".blocks")
	if err != nil {
		return nil, err
	}
	e := &encoder{}
	slots := countSlots(before)
	if err := json.Unmarshal(data, &e.blocks); err != nil {
		return nil, fmt.Errorf("%w: %s.blocks: %v", learn.ErrCorrupt, name, err) //nolint:errorlint // one sentinel is enough
	}
	for _, b := range e.blocks {
		limit := max(slots, 1)
		if b.Analyzer == "dense" {
			limit = countDense(before)
		}
		if b.Min < 0 || b.Max > maxNgram || b.Slot < 0 || b.Slot >= limit || b.Analyzer == "pattern" && slots == 0 {
			return nil, fmt.Errorf("%w: %s.blocks", learn.ErrCorrupt, name)
		}
	}
	if e.table.keys, err = f.Uint64s(name + ".keys"); err != nil {
		return nil, err
	}
	if e.table.values, err = f.Uint32s(name + ".columns"); err != nil {
		return nil, err
	}
	if e.idf, err = f.Float32s(name + ".idf"); err != nil {
		return nil, err
	}
	if err := e.table.check(len(e.idf)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, b := range e.blocks {
		if b.Analyzer != "dense" {
			continue
		}
		first := e.table.find(patternKey(seedOf(i), 0))
		if first < 0 || b.Width <= 0 || b.Width > len(e.idf)-first || !denseWidth(before, b.Slot, b.Width) {
			return nil, fmt.Errorf("%w: %s: dense vectors of width %d do not fit", learn.ErrCorrupt, name, b.Width)
		}
	}
	return e, nil
}

// hashTable maps hashes to columns: open addressing in a power of two of places, at most 60 % full. Key 0 is empty.
type hashTable struct {
	keys   []uint64
	values []uint32
}

func newHashTable(n int) hashTable {
	size := 8
	for size*6/10 < n {
		size *= 2
	}
	return hashTable{make([]uint64, size), make([]uint32, size)}
}

func (t *hashTable) put(key uint64, value uint32) {
	mask := uint64(len(t.keys) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if t.keys[i] == 0 {
			t.keys[i], t.values[i] = key, value
			return
		}
		if t.keys[i] == key {
			return
		}
	}
}

// find gives the value of a key, -1 if it has none.
func (t *hashTable) find(key uint64) int {
	mask := uint64(len(t.keys) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		switch t.keys[i] {
		case key:
			return int(t.values[i])
		case 0:
			return -1
		}
	}
}

// check makes sure that find ends and gives values below a bound.
func (t *hashTable) check(below int) error {
	n := len(t.keys)
	if n == 0 || n&(n-1) != 0 || n != len(t.values) {
		return fmt.Errorf("%w: a hash table of %d places", learn.ErrCorrupt, n)
	}
	empty := false
	for i, k := range t.keys {
		if k == 0 {
			empty = true
		} else if int(t.values[i]) >= below {
			return fmt.Errorf("%w: a hash table points outside", learn.ErrCorrupt)
		}
	}
	if !empty {
		return fmt.Errorf("%w: a hash table is full", learn.ErrCorrupt)
	}
	return nil
}
