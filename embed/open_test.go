package embed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/embed/embedtest"
)

var vocabulary = []string{"un", "##aff", "##able", "##a", "hello", "world", ",", "!", "resume", "你", "好", "##s", "7"}

// small writes a model with random weights.
func small(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := embedtest.Write(dir, vocabulary, 1); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPiecesOfWords(t *testing.T) {
	t.Parallel()
	m, err := OpenTransformer(small(t))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                             "",
		"unaffable":                    "un ##aff ##able",
		"Hello, WORLD!":                "hello , world !",
		"hello,world":                  "hello , world",
		"Résumé":                       "resume",
		"re\u0301sume\u0301":           "resume",
		"你好":                           "你 好",
		"hello\u0000\u200bs\tworld":    "hello ##s world",
		"unknown":                      "[UNK]",
		"un" + strings.Repeat("a", 99): "[UNK]",
		"un" + strings.Repeat("a", 3):  "un ##a ##a ##a",
		"\xff7\xff":                    "7",
	} {
		var got []string
		for _, id := range m.pieces.cut(nil, text, 100) {
			got = append(got, m.pieces.names[id])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, strings.Join(got, " "), want)
		}
	}
	if got := m.pieces.cut(nil, strings.Repeat("unaffable ", 50), 10); len(got) != 10 {
		t.Errorf("%d pieces, want 10", len(got))
	}
}

func FuzzPieces(f *testing.F) {
	dir := small(f)
	m, err := OpenTransformer(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Hello, wörld! 你好 un\xffaffable\u0301")
	f.Fuzz(func(t *testing.T, text string) {
		v := make([]float32, m.Width())
		m.Encode(v, text, Mean)
		if n := cosine(v, v); math.Abs(n-1) > 1e-4 {
			t.Errorf("length %g", n)
		}
	})
}

func TestEncodeDoesNotDependOnNeighbours(t *testing.T) {
	t.Parallel()
	m, err := OpenTransformer(small(t))
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"hello", "", "hello, world!", strings.Repeat("unaffable ", 1000), "7"}
	for _, pooling := range []Pooling{Mean, First, Max} {
		all := make([]float32, len(texts)*m.Width())
		m.EncodeAll(all, texts, pooling)
		for i, text := range texts {
			alone := make([]float32, m.Width())
			m.Encode(alone, text, pooling)
			if diff := cmp.Diff(alone, all[i*m.Width():(i+1)*m.Width()]); diff != "" {
				t.Errorf("pooling %d, text %d (-alone +among others):\n%s", pooling, i, diff)
			}
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	replace := func(file, from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			path := filepath.Join(dir, file)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(data), from, to, 1)
			if changed == string(data) {
				t.Fatalf("%s has no %q", file, from)
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(file, text string) func(t *testing.T, dir string) { // instead of vocab.txt
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := errors.Join(os.Remove(filepath.Join(dir, "vocab.txt")), os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(file string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		class error
		says  string
	}{
		{"no configuration", remove("config.json"), fs.ErrNotExist, "needs config.json"},
		{"no weights", remove("model.safetensors"), fs.ErrNotExist, "needs model.safetensors"},
		{"no vocabulary", remove("vocab.txt"), fs.ErrNotExist, "needs vocab.txt or tokenizer.json"},
		{"another model", replace("config.json", `"bert"`, `"gpt2"`), ErrWeights, `model_type is "gpt2"`},
		{"another function", replace("config.json", `"gelu"`, `"relu"`), ErrWeights, `hidden_act is "relu"`},
		{"odd sizes", replace("config.json", `"hidden_size": 16`, `"hidden_size": 15`), ErrWeights, "must be even"},
		{"no sizes", replace("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 0`), ErrWeights, "sizes are missing"},
		{"more layers", replace("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 3`), ErrWeights, "encoder.layer.2.attention.self.query.weight"},
		{"no JSON", replace("config.json", `{`, ``), ErrWeights, "config.json"},
		{"a smaller vocabulary", replace("vocab.txt", "\n##s", ""), ErrWeights, "embeddings.word_embeddings.weight"},
		{"a line that does not end", replace("vocab.txt", "hello", strings.Repeat("hello", 20_000)), ErrWeights, "vocab.txt:9"},
		{"a newer model", replace("config.json", `"bert"`, `"modernbert"`), ErrWeights, `model_type is "modernbert"`},
		{"other positions", replace("config.json", `"gelu"`, `"gelu", "position_embedding_type": "rotary"`), ErrWeights, `position_embedding_type is "rotary"`},
		{"another tokenizer", write("tokenizer.json", `{"model": {"type": "BPE"}}`), ErrWeights, `the tokenizer is "BPE"`},
		{"ids out of range", write("tokenizer.json", `{"model": {"type": "WordPiece", "vocab": {"[UNK]": 7}}}`), ErrWeights, "out of range"},
		{"no tokenizer", write("tokenizer.json", `{`), ErrWeights, "tokenizer.json"},
		{"numbers that are none", spoilNumber("encoder.layer.1.output.dense.weight", 0x7fc00000), ErrWeights, "encoder.layer.1.output.dense: unusable weights: row 2 has a number that is not finite"},
		{"no special pieces", replace("vocab.txt", "[CLS]", "cls"), ErrWeights, "has no [CLS]"},
		{"cut off", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Truncate(filepath.Join(dir, "model.safetensors"), 9000); err != nil {
				t.Fatal(err)
			}
		}, ErrWeights, "not whole"},
		{"a bad header", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ErrWeights, "a header of"},
		{"a newer type", replace("model.safetensors", `"F32"`, `"F8_E4M3"`), ErrWeights, "numbers of type F8_E4M3"},
		{"another type", replace("model.safetensors", `"F32"`, `"I64"`), ErrWeights, "numbers of type I64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := small(t)
			c.spoil(t, dir)
			_, err := OpenTransformer(dir)
			if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %v with %q and the folder", err, c.class, c.says)
			}
		})
	}
	if _, err := OpenTransformer(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// spoilNumber writes bits over the third row's first number of a tensor.
func spoilNumber(tensor string, bits uint32) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		path := filepath.Join(dir, "model.safetensors")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := readTensors(data, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		e := f.entries[tensor]
		at := int(e.Offsets[0])
		if len(e.Shape) == 2 {
			at += 4 * 2 * e.Shape[1]
		}
		binary.LittleEndian.PutUint32(f.data[at:], bits)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamagedNumbersGiveNoVector(t *testing.T) {
	t.Parallel()
	for _, tensor := range []string{"embeddings.token_type_embeddings.weight", "encoder.layer.0.output.LayerNorm.bias", "encoder.layer.1.attention.self.key.bias"} {
		for _, bits := range []uint32{0x7fc00000, 0x7f800000, 0x7f7fffff} {
			dir := small(t)
			spoilNumber(tensor, bits)(t, dir)
			m, err := OpenTransformer(dir)
			if err != nil {
				t.Fatal(err)
			}
			v := make([]float32, m.Width())
			m.Encode(v, "hello, world!", Mean)
			if n := cosine(v, v); n != 0 && math.Abs(n-1) > 1e-4 || math.IsNaN(n) {
				t.Errorf("%s with %#x: a vector of the length %g", tensor, bits, n)
			}
		}
	}
}

// FuzzOpen opens folders with whatever in them, and uses them if they open. Of the weights it changes the header and a number.
func FuzzOpen(f *testing.F) {
	dir := small(f)
	seed := map[string]string{}
	for _, name := range []string{"config.json", "vocab.txt", "model.safetensors"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		seed[name] = string(data)
	}
	weights := seed["model.safetensors"]
	end := 8 + int(binary.LittleEndian.Uint64([]byte(weights)))
	head, body := weights[8:end], weights[end:]
	config, vocabulary := seed["config.json"], seed["vocab.txt"]
	const tokenizer = `{"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}, "normalizer": {"lowercase": true}}`
	f.Add(config, vocabulary, tokenizer, head, uint16(0), uint32(0))
	f.Add(config, "", tokenizer, head, uint16(999), uint32(0x7fc00000))
	f.Add(strings.Replace(config, "32,", "1,", 1), vocabulary, "", head+"    ", uint16(5000), uint32(0x7f7fffff))
	f.Fuzz(func(t *testing.T, config, vocabulary, tokenizer, head string, at uint16, bits uint32) {
		numbers := []byte(body)
		binary.LittleEndian.PutUint32(numbers[int(at)*4%(len(numbers)-4):], bits)
		weights := append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), numbers...)
		dir := t.TempDir()
		for name, data := range map[string]string{"config.json": config, "vocab.txt": vocabulary, "tokenizer.json": tokenizer, "model.safetensors": string(weights)} {
			if data == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m, err := OpenTransformer(dir)
		if err != nil {
			if !errors.Is(err, ErrWeights) && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		v := make([]float32, m.Width())
		m.Encode(v, "hello, unaffable world", Mean)
		if n := cosine(v, v); n != 0 && math.Abs(n-1) > 1e-4 || math.IsNaN(n) {
			t.Errorf("a vector of the length %g", n)
		}
	})
}

func TestTableOfVectors(t *testing.T) {
	t.Parallel()
	m, err := OpenTransformer(small(t))
	if err != nil {
		t.Fatal(err)
	}
	last := 0.0
	data, err := BuildTable(t.Context(), m, 8, func(done float64) { last = done })
	if err != nil || last != 1 {
		t.Fatalf("error %v, progress %f", err, last)
	}
	again, err := BuildTable(t.Context(), m, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(data) {
		t.Error("a second table differs from the first")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, TableName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := OpenTable(dir)
	if err != nil {
		t.Fatal(err)
	}
	vector := func(text string) []float32 {
		v := make([]float32, table.Width())
		table.Encode(v, text, Mean)
		return v
	}
	if same := cosine(vector("hello world"), vector("World, hello")); same < 0.5 || same > 0.9999 {
		t.Errorf("the order does not count, the comma does: %f", same)
	}
	if same := cosine(vector("hello world"), vector("WORLD hello")); math.Abs(same-1) > 1e-6 {
		t.Errorf("neither order nor case count: %f", same)
	}
	if v := vector("qqq"); cosine(v, v) != 0 {
		t.Errorf("an unknown word has the vector %v", v)
	}
	if err := os.WriteFile(filepath.Join(dir, TableName), data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTable(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("half a table: %v", err)
	}
	if _, err := BuildTable(t.Context(), m, 17, nil); err == nil {
		t.Error("17 of 16 numbers: no error")
	}
}

func TestComponentsSayMostFirst(t *testing.T) {
	t.Parallel()
	// Points along (3, 4) with a little noise across.
	var points []float32
	for i := range 100 {
		a, b := float32(i-50), float32(i%7-3)/10
		points = append(points, 3*a-4*b, 4*a+3*b)
	}
	got := components(points, 2, 2)
	var along, across float64
	for i := 0; i < len(got); i += 2 {
		along += got[i] * got[i]
		across += got[i+1] * got[i+1]
	}
	if along < 1000*across || across == 0 {
		t.Errorf("variances %g and %g", along, across)
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	gelu := newGELU()
	for x := -20.0; x < 20; x += 0.0137 {
		if want := math.Exp(x); math.Abs(float64(exp(float32(x)))-math.Exp(float64(float32(x)))) > 2e-7*want {
			t.Fatalf("exp(%g) = %g, want %g", x, exp(float32(x)), want)
		}
		v := float64(float32(x))
		if want := v * 0.5 * math.Erfc(-v/math.Sqrt2); math.Abs(float64(gelu.of(float32(x)))-want) > 4e-6 {
			t.Fatalf("gelu(%g) = %g, want %g", x, gelu.of(float32(x)), want)
		}
	}
	for bits, want := range map[uint16]float32{0x3c00: 1, 0xc000: -2, 0x0001: 1.0 / (1 << 24), 0x7bff: 65504, 0x8000: 0, 0x3555: 0.33325195} {
		if got := half(bits); got != want {
			t.Errorf("half(%04x) = %g, want %g", bits, got, want)
		}
	}
}
