package embed

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"parley/learn"
)

// Pooling is how the vectors of a text's pieces become one.
type Pooling int

// The ways to pool.
const (
	Mean  Pooling = iota // of all pieces, with those at both ends
	First                // the piece at the front, [CLS]
	Max                  // the largest of each number
)

// Transformer is the encoder of a BERT-like model.
type Transformer struct {
	pieces  *wordPieces
	width   int // of a vector
	inner   int // of the layers between
	heads   int
	longest int // pieces of a text, with those at both ends
	epsilon float64
	sum     uint32
	file    []byte // of weights, mapped

	words, positions []float32
	kind             []float32 // of the only sentence that there is
	scale, shift     []float32
	layers           []layer
	gelu             *geluTable
	scratch          sync.Pool // *scratch
}

// layer are the weights of one layer.
type layer struct {
	query, key, value, out, up, down             matrix
	middleScale, middleShift, endScale, endShift []float32
}

// maxPieces bounds the time of a long text: what comes later does not count.
const maxPieces = 256

// config is what config.json says of a model.
type config struct {
	Type      string   `json:"model_type"`
	Width     int      `json:"hidden_size"`
	Inner     int      `json:"intermediate_size"`
	Layers    int      `json:"num_hidden_layers"`
	Heads     int      `json:"num_attention_heads"`
	Longest   int      `json:"max_position_embeddings"`
	Epsilon   *float64 `json:"layer_norm_eps"`
	Act       string   `json:"hidden_act"`
	Positions string   `json:"position_embedding_type"`
}

func readConfig(path string) (*config, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("the folder needs config.json: %w", err)
	}
	c := &config{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrWeights, path, err)
	}
	fail := func(format string, args ...any) (*config, error) {
		return nil, fmt.Errorf("%w: %s: %s", ErrWeights, path, fmt.Sprintf(format, args...))
	}
	within := func(n, most int) bool { return 0 < n && n <= most }
	switch {
	case c.Type != "bert":
		return fail("model_type is %q; only bert is known", c.Type)
	case c.Act != "" && c.Act != "gelu":
		return fail("hidden_act is %q; only gelu is known", c.Act)
	case c.Positions != "" && c.Positions != "absolute":
		return fail("position_embedding_type is %q; only absolute is known", c.Positions)
	case !within(c.Width, 1<<13) || !within(c.Inner, 1<<15) || !within(c.Layers, 256) || !within(c.Longest, 1<<16) || !within(c.Heads, c.Width):
		return fail("sizes are missing or out of range")
	case c.Width%c.Heads != 0 || c.Width%2 != 0 || c.Inner%2 != 0:
		return fail("hidden_size %d and intermediate_size %d must be even, and hidden_size a multiple of the %d heads", c.Width, c.Inner, c.Heads)
	}
	return c, nil
}

// OpenTransformer opens the model of a folder: config.json, model.safetensors, and vocab.txt or tokenizer.json.
func OpenTransformer(dir string) (*Transformer, error) {
	t, err := openTransformer(dir)
	if err != nil {
		return nil, fmt.Errorf("open the model in %s: %w", dir, err)
	}
	return t, nil
}

func openTransformer(dir string) (*Transformer, error) {
	info, err := os.Stat(dir) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w: it is no folder", ErrWeights)
	}
	c, err := readConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	t := &Transformer{width: c.Width, inner: c.Inner, heads: c.Heads, longest: min(c.Longest, maxPieces), epsilon: 1e-12, gelu: newGELU()}
	if c.Epsilon != nil {
		t.epsilon = *c.Epsilon
	}
	if t.pieces, err = readWordPieces(dir); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "model.safetensors")
	f, err := os.Open(file) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("the folder needs model.safetensors: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := t.use(f, c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	t.scratch.New = func() any { return new(scratch) }
	return t, nil
}

// use maps a file of weights and finds them in it.
func (t *Transformer) use(f *os.File, c *config) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data, release, err := learn.Map(f)
	if err != nil {
		return err
	}
	tensors, err := readTensors(data, f)
	if err != nil {
		release()
		return err
	}
	t.sum = tensors.sum
	linears, err := t.read(tensors, c)
	if err != nil {
		release()
		return err
	}
	releaseKept, err := fill(linears, keptName(tensors, info, c))
	if err != nil {
		release()
		return err
	}
	t.file = data
	t.Leave()
	for _, f := range []func(){release, releaseKept} {
		runtime.AddCleanup(t, func(f func()) { f() }, f)
	}
	return nil
}

// Leave lets what was read of the file of weights leave the process's memory, until it is looked at again.
func (t *Transformer) Leave() {
	learn.Leave(t.file)
	runtime.KeepAlive(t) // and with it the mapping
}

// read finds the weights in a file; those of the linear steps are left to be filled in.
func (t *Transformer) read(f *tensors, c *config) (linears []linearStep, err error) {
	prefix := ""
	if _, ok := f.entries["bert.embeddings.word_embeddings.weight"]; ok {
		prefix = "bert."
	}
	load := func(dst *[]float32, name string, shape ...int) {
		if err == nil {
			*dst, _, err = f.find(prefix+name, shape...)
		}
	}
	d, in := t.width, t.inner
	load(&t.words, "embeddings.word_embeddings.weight", len(t.pieces.names), d)
	load(&t.positions, "embeddings.position_embeddings.weight", c.Longest, d)
	load(&t.kind, "embeddings.token_type_embeddings.weight", -1, d)
	load(&t.scale, "embeddings.LayerNorm.weight", d)
	load(&t.shift, "embeddings.LayerNorm.bias", d)
	t.layers = make([]layer, c.Layers)
	for i := range t.layers {
		l, at := &t.layers[i], "encoder.layer."+strconv.Itoa(i)+"."
		linear := func(m *matrix, name string, n, k int) {
			s := linearStep{matrix: m, name: at + name, inputs: k}
			load(&s.weights, s.name+".weight", n, k)
			load(&s.bias, s.name+".bias", n)
			linears = append(linears, s)
		}
		linear(&l.query, "attention.self.query", d, d)
		linear(&l.key, "attention.self.key", d, d)
		linear(&l.value, "attention.self.value", d, d)
		linear(&l.out, "attention.output.dense", d, d)
		linear(&l.up, "intermediate.dense", in, d)
		linear(&l.down, "output.dense", d, in)
		load(&l.middleScale, at+"attention.output.LayerNorm.weight", d)
		load(&l.middleShift, at+"attention.output.LayerNorm.bias", d)
		load(&l.endScale, at+"output.LayerNorm.weight", d)
		load(&l.endShift, at+"output.LayerNorm.bias", d)
	}
	return linears, err
}

// Width is how many numbers a vector has.
func (t *Transformer) Width() int { return t.width }

// Sum tells weights apart: models trained with other ones do not fit.
func (t *Transformer) Sum() uint32 { return t.sum }

// Encode writes the vector of a text, of length one, into dst, which has Width numbers. Of a long text the beginning counts.
func (t *Transformer) Encode(dst []float32, text string, pooling Pooling) {
	s, _ := t.scratch.Get().(*scratch)
	defer t.scratch.Put(s)
	s.ids = t.cut(s.ids[:0], text)
	t.run(s, []int{len(s.ids)})
	pool(dst, s.state[:len(s.ids)*t.width], t.width, pooling)
	runtime.KeepAlive(t) // and with it the mapping
}

// batch is about how many pieces are encoded together: few enough for their vectors to stay near the processor.
const batch = 64

// EncodeAll writes the vectors of texts, one after another, into dst. It is quicker than Encode for each.
func (t *Transformer) EncodeAll(dst []float32, texts []string, pooling Pooling) {
	s, _ := t.scratch.Get().(*scratch)
	defer t.scratch.Put(s)
	var ends []int
	s.ids = s.ids[:0]
	flush := func() {
		t.run(s, ends)
		from := 0
		for _, end := range ends {
			pool(dst[:t.width], s.state[from*t.width:end*t.width], t.width, pooling)
			dst = dst[t.width:]
			from = end
		}
		ends, s.ids = ends[:0], s.ids[:0]
	}
	for _, text := range texts {
		s.ids = t.cut(s.ids, text)
		if ends = append(ends, len(s.ids)); len(s.ids) >= batch {
			flush()
		}
	}
	if len(ends) > 0 {
		flush()
	}
	runtime.KeepAlive(t)
}

// cut appends the pieces of a text with those at both ends.
func (t *Transformer) cut(ids []int32, text string) []int32 {
	from := len(ids)
	ids = append(ids, t.pieces.first)
	ids = t.pieces.cut(ids, text, from+t.longest-1)
	return append(ids, t.pieces.last)
}

// pool makes one vector of length one of several.
func pool(dst, rows []float32, width int, pooling Pooling) {
	copy(dst, rows[:width])
	if pooling != First {
		for at := width; at < len(rows); at += width {
			for i, v := range rows[at : at+width] {
				if pooling == Max {
					dst[i] = max(dst[i], v)
				} else {
					dst[i] += v
				}
			}
		}
	}
	unit(dst[:width])
}

// scratch is the memory of one run.
type scratch struct {
	ids                                             []int32
	state, query, key, value, mixed, middle, scores []float32
	inputs                                          inputs
}

// grown gives a slice of n numbers, which are not cleared.
func grown[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// run leaves the vectors of the pieces s.ids in s.state. ends are where texts end: pieces see those of their own text only.
func (t *Transformer) run(s *scratch, ends []int) {
	n, d := len(s.ids), t.width
	for _, x := range []*[]float32{&s.state, &s.query, &s.key, &s.value, &s.mixed} {
		*x = grown(*x, n*d)
	}
	s.middle = grown(s.middle, n*t.inner)
	from := 0
	for _, end := range ends {
		for i := from; i < end; i++ {
			row := s.state[i*d : (i+1)*d]
			word, position := t.words[int(s.ids[i])*d:][:d], t.positions[(i-from)*d:][:d]
			for j := range row {
				row[j] = word[j] + t.kind[j] + position[j]
			}
			normalize(row, t.scale, t.shift, t.epsilon)
		}
		from = end
	}
	for i := range t.layers {
		t.layer(&t.layers[i], s, ends, n)
	}
}

// layer applies one layer.
func (t *Transformer) layer(l *layer, s *scratch, ends []int, n int) {
	d := t.width
	s.inputs.set(s.state, n, d)
	l.query.linear(s.query, &s.inputs, n)
	l.key.linear(s.key, &s.inputs, n)
	l.value.linear(s.value, &s.inputs, n)
	from := 0
	for _, end := range ends {
		t.attend(s, from, end)
		from = end
	}
	s.inputs.set(s.mixed, n, d)
	l.out.linear(s.query, &s.inputs, n)
	addRows(s.state, s.query, n*d)
	for i := range n {
		normalize(s.state[i*d:(i+1)*d], l.middleScale, l.middleShift, t.epsilon)
	}
	s.inputs.set(s.state, n, d)
	l.up.linear(s.middle, &s.inputs, n)
	for i, v := range s.middle[:n*t.inner] {
		s.middle[i] = t.gelu.of(v)
	}
	s.inputs.set(s.middle, n, t.inner)
	l.down.linear(s.query, &s.inputs, n)
	addRows(s.state, s.query, n*d)
	for i := range n {
		normalize(s.state[i*d:(i+1)*d], l.endScale, l.endShift, t.epsilon)
	}
}

func addRows(dst, x []float32, n int) {
	dst, x = dst[:n], x[:n]
	for i, v := range x {
		dst[i] += v
	}
}

// attend mixes the values of a text's pieces, head by head, into s.mixed.
func (t *Transformer) attend(s *scratch, from, end int) {
	d, size := t.width, t.width/t.heads
	s.scores = grown(s.scores, end-from)
	factor := float32(1 / math.Sqrt(float64(size)))
	for head := range t.heads {
		at := head * size
		for i := from; i < end; i++ {
			query := s.query[i*d+at:][:size]
			top := float32(0)
			for j := range s.scores {
				v := short(query, s.key[(from+j)*d+at:][:size]) * factor
				if s.scores[j] = v; j == 0 || v > top {
					top = v
				}
			}
			sum := float32(0)
			for j, v := range s.scores {
				s.scores[j] = exp(v - top)
				sum += s.scores[j]
			}
			out, share := s.mixed[i*d+at:][:size], 1/sum
			clear(out)
			for j, v := range s.scores {
				add(out, s.value[(from+j)*d+at:][:size], v*share)
			}
		}
	}
}

// add adds a multiple of a row to another.
func add(dst, row []float32, factor float32) {
	row = row[:len(dst)]
	for i := range dst {
		dst[i] += float32(factor * row[i])
	}
}

// short is the sum of products of two rows of any length, in a fixed order: one sum in each of eight lanes, which are then added. The
// conversions keep the compiler from fusing multiplication and addition.
func short(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 && len(b) >= 8 {
		x, y := a[:8:8], b[:8:8]
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		s4 += float32(x[4] * y[4])
		s5 += float32(x[5] * y[5])
		s6 += float32(x[6] * y[6])
		s7 += float32(x[7] * y[7])
		a, b = a[8:], b[8:]
	}
	sum := ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
	for i, x := range a {
		sum += float32(x * b[i])
	}
	return sum
}
