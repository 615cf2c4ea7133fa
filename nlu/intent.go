package nlu

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"

	"parley/dialogue"
	"parley/learn"
)

// intentLearner tells labels apart by the words of a text. It is what works inside DIETClassifier,
// LogisticRegressionClassifier and ResponseSelector.
type intentLearner struct {
	labels  []string // sorted
	encoder *encoder
	model   *learn.Linear
	exact   hashTable // training texts: 1 + their label, 0 when two labels share one
}

// compareTexts orders texts.
func compareTexts(a, b string) int { return cmp.Compare(a, b) }

// labelled is a message and its label.
type labelled struct {
	message *message
	label   string
	example *Example // nil: none
}

// trainIntents learns labels; nil, nil when there are fewer than two. It sorts data, and the report's rows are its elements.
func trainIntents(ctx context.Context, blocks []block, data []labelled, opts learn.LinearOptions) (*intentLearner, *learn.Report, error) {
	// The order of the files must not matter.
	slices.SortStableFunc(data, func(a, b labelled) int {
		return cmp.Or(cmp.Compare(a.label, b.label), cmp.Compare(a.message.text, b.message.text))
	})
	l := &intentLearner{}
	messages := make([]*message, len(data))
	y := make([]int32, len(data))
	for i, d := range data {
		if len(l.labels) == 0 || l.labels[len(l.labels)-1] != d.label {
			l.labels = append(l.labels, d.label)
		}
		y[i] = int32(len(l.labels) - 1)
		messages[i] = d.message
	}
	if len(l.labels) < 2 {
		return nil, nil, nil
	}
	// The name of a label is as good as an example or two; with few examples that is worth two points of accuracy.
	for k, label := range l.labels {
		if m := nameMessage(label, data[0].message, blocks); m != nil {
			messages = append(messages, m, m)
			y = append(y, int32(k), int32(k))
		}
	}
	weighDense(blocks, y[:len(data)], len(l.labels))
	l.encoder = newEncoder(blocks, messages)
	x := learn.NewMatrix(l.encoder.columns())
	x.Expect(len(messages))
	texts := map[uint64]uint32{}
	var keys []uint64
	for i, m := range messages {
		l.encoder.encode(m)
		x.Append(m.cols, m.vals)
		m.cols, m.vals, m.buf = nil, nil, nil
		if i >= len(data) {
			continue // a name is no text that anybody wrote
		}
		key := textKey(m)
		label, seen := texts[key]
		switch {
		case !seen:
			texts[key] = uint32(y[i]) + 1
			keys = append(keys, key)
		case label != uint32(y[i])+1:
			texts[key] = 0
		}
	}
	l.exact = newHashTable(len(keys))
	for _, k := range keys {
		l.exact.put(k, texts[k])
	}
	if len(messages) >= manyMessages {
		debug.FreeOSMemory() // what is left of counting features would stay beside the learners' weights
	}
	var report *learn.Report
	var err error
	l.model, report, err = learn.TrainLinear(ctx, &learn.Problem{X: x, Y: y, Classes: len(l.labels)}, opts)
	if err != nil {
		return nil, nil, err
	}
	return l, report, nil
}

// manyMessages are so many that their features leave much garbage behind.
const manyMessages = 2000

// nameMessage makes a message of the words of a label, nil when it has none.
func nameMessage(label string, like *message, blocks []block) *message {
	m := &message{}
	m.reset(label, len(like.hits), len(like.dense))
	start := -1
	last := ' '
	for i, r := range label + " " {
		letter := unicode.IsLetter(r) || unicode.IsMark(r)
		if start >= 0 && (!letter || unicode.IsUpper(r) && unicode.IsLower(last)) {
			m.tokens = append(m.tokens, token{start, i})
			start = -1
		}
		if letter && start < 0 {
			start = i
		}
		last = r
	}
	if len(m.tokens) == 0 {
		return nil
	}
	var words []string
	for _, b := range blocks {
		if b.dense == nil {
			continue
		}
		if words == nil {
			for _, t := range m.tokens {
				words = append(words, m.word(t))
			}
		}
		m.dense[b.Slot] = make([]float32, b.Width)
		b.dense.vectors.Encode(m.dense[b.Slot], strings.Join(words, " "), b.dense.pooling)
	}
	return m
}

// weighDense chooses the weights of dense blocks: with few examples of each label they say more than words do.
func weighDense(blocks []block, y []int32, labels int) {
	counts := make([]int, labels)
	for _, k := range y {
		counts[k]++
	}
	slices.Sort(counts)
	for i := range blocks {
		if b := &blocks[i]; b.Analyzer == "dense" && b.Weight == 0 {
			b.Weight = 1
			if counts[labels/2] < 20 {
				b.Weight = 2
			}
		}
	}
}

// textKey is the hash of a text that two texts share if they differ in case and punctuation at most.
func textKey(m *message) uint64 {
	h := uint64(hashStart)
	for _, t := range m.tokens {
		m.buf = appendNormal(m.buf[:0], m.word(t), false, "")
		h = hashBytes(h, m.buf)
		h = (h ^ ' ') * hashPrime
	}
	return mixHash(h)
}

// sure is the confidence that a text of the training data gets at least.
const sure = 0.95

// predict gives the probability of every label; the slice is the message's scratch.
func (l *intentLearner) predict(m *message) []float32 {
	l.encoder.encode(m)
	m.nums = l.model.Scores(m.nums, m.cols, m.vals)
	p := m.nums
	if len(m.cols) == 0 { // nothing known: nothing is more likely than anything else
		for i := range p {
			p[i] = 1 / float32(len(p))
		}
		return p
	}
	learn.Softmax(p)
	if label := l.exact.find(textKey(m)); label > 0 && p[label-1] < sure {
		rest := (1 - sure) / (1 - p[label-1])
		for i := range p {
			p[i] *= rest
		}
		p[label-1] = sure
	}
	return p
}

// rank makes intents of probabilities, best first, labels in their order among equals; limit 0: all.
func (l *intentLearner) rank(p []float32, limit int) []dialogue.Intent {
	if limit == 0 || limit > len(p) {
		limit = len(p)
	}
	out := make([]dialogue.Intent, 0, limit+1) // one more for the fallback
	for range limit {
		best := -1
		for i, v := range p {
			if v >= 0 && (best < 0 || v > p[best]) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		out = append(out, dialogue.Intent{Name: l.labels[best], Confidence: float64(p[best])})
		p[best] = -1
	}
	return out
}

func (l *intentLearner) put(w *learn.FileWriter) error {
	labels, err := json.Marshal(l.labels)
	if err != nil {
		return err
	}
	w.Bytes("labels", labels)
	w.Uint64s("exact.keys", l.exact.keys)
	w.Uint32s("exact.labels", l.exact.values)
	l.model.Put(w, "intent")
	return l.encoder.put(w, "encoder")
}

// intentLearnerFrom reads what put wrote; nil, nil when there is none.
func intentLearnerFrom(f *learn.File, before []component) (*intentLearner, error) {
	if !f.Has("labels") {
		return nil, nil //nolint:nilnil // untrained is no error
	}
	l := &intentLearner{}
	data, err := f.Bytes("labels")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &l.labels); err != nil {
		return nil, fmt.Errorf("%w: labels: %v", learn.ErrCorrupt, err) //nolint:errorlint // one sentinel is enough
	}
	if l.exact.keys, err = f.Uint64s("exact.keys"); err != nil {
		return nil, err
	}
	if l.exact.values, err = f.Uint32s("exact.labels"); err != nil {
		return nil, err
	}
	if err := l.exact.check(len(l.labels) + 1); err != nil {
		return nil, err
	}
	if l.model, err = learn.LinearFrom(f, "intent"); err != nil {
		return nil, err
	}
	if l.encoder, err = encoderFrom(f, "encoder", before); err != nil {
		return nil, err
	}
	if l.model.Classes() != len(l.labels) || l.model.Features() != l.encoder.columns() {
		return nil, fmt.Errorf("%w: labels, weights and vocabulary do not fit", learn.ErrCorrupt)
	}
	return l, nil
}
