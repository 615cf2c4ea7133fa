package learn

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stripes is a problem that is easy: each class has a column of its own, beside columns of noise.
func stripes(rows, classes int, seed uint64) *Problem {
	r := NewRand(seed)
	p := &Problem{X: NewMatrix(classes + 50), Classes: classes}
	for i := range rows {
		y := i % classes
		cols := []uint32{uint32(y)}
		if r.IntN(10) == 0 { // a little of it is wrong
			cols[0] = uint32(r.IntN(classes))
		}
		for range 4 {
			c := uint32(classes + r.IntN(50))
			if !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
		vals := make([]float32, len(cols))
		for j := range vals {
			vals[j] = 1 / float32(math.Sqrt(float64(len(cols))))
		}
		p.X.Append(cols, vals)
		p.Y = append(p.Y, int32(y))
	}
	return p
}

func TestLinearLearnsAndIsCalibrated(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]LinearOptions{"both halves": {}, "margin only": {Margin: true}} {
		l, report, err := TrainLinear(t.Context(), stripes(2000, 7, 1), opts)
		if err != nil {
			t.Fatal(err)
		}
		if report.Rows != 2000 || report.Accuracy < 0.85 {
			t.Errorf("%s: %d rows left out once, accuracy %v", name, report.Rows, report.Accuracy)
		}
		test := stripes(1000, 7, 2)
		right, confidence := 0.0, 0.0
		var p []float32
		for i := range test.X.Rows() {
			p = l.Scores(p, rowOf(test.X, i), valsOf(test.X, i))
			Softmax(p)
			best := argmax(p)
			confidence += float64(p[best])
			if best == int(test.Y[i]) {
				right++
			}
		}
		if right < 850 || math.Abs(right-confidence) > 50 {
			t.Errorf("%s: %v right of 1000, sum of confidences %v", name, right, confidence)
		}
	}
}

func TestDoubtLeavesConfidencesRight(t *testing.T) {
	t.Parallel()
	r := NewRand(1)
	c := &calibration{}
	var scores [][]float32
	for i := range 2000 { // confidences from 0.4 to 0.99, right as often as they say
		best := 0.4 + 0.59*float64(i)/2000
		y := int32(0)
		if float64(r.Uint64()>>11)/(1<<53) > best {
			y = 1 + int32(i%2)
		}
		rest := float32(math.Log((1 - best) / 2))
		scores, c.y = append(scores, []float32{float32(math.Log(best)), rest, rest}), append(c.y, y)
	}
	off := func(tau float64) float64 {
		var wrong confidenceError
		for i, s := range scores {
			wrong.add(1/partition(s, tau, float64(s[0])), c.y[i] == 0)
		}
		return wrong.mean()
	}
	if got := c.doubt(scores, 1, 0); got != 1 {
		t.Errorf("no right answer may be refused: the temperature is %g, want 1", got)
	}
	got := c.doubt(scores, 1, 1)
	if got >= 1 || off(got) > wrongConfidence || off(got-0.05) <= wrongConfidence {
		t.Errorf("all right answers may be refused: %g, confidences %.3f off, %.3f at the next step", got, off(got), off(got-0.05))
	}
}

func rowOf(m *Matrix, i int) []uint32   { cols, _ := m.Row(i); return cols }
func valsOf(m *Matrix, i int) []float32 { _, vals := m.Row(i); return vals }

func TestExpectedRowsTakeNoMoreThanTheyNeed(t *testing.T) {
	t.Parallel()
	const rows = 5000
	grown, expected := NewMatrix(300), NewMatrix(300)
	expected.Expect(rows)
	r := NewRand(1, 1)
	for range rows + 10 { // a few more than expected
		cols, vals := make([]uint32, 50+r.IntN(100)), make([]float32, 150)
		for j := range cols {
			cols[j], vals[j] = uint32(j), float32(r.IntN(9))
		}
		grown.Append(cols, vals)
		expected.Append(cols, vals)
		if n := expected.Rows(); n == rows && cap(expected.col) > len(expected.col)*11/10 {
			t.Errorf("room for %d numbers, %d are needed", cap(expected.col), len(expected.col))
		}
	}
	for i := range rows + 10 {
		cols, vals := grown.Row(i)
		gotCols, gotVals := expected.Row(i)
		if !slices.Equal(cols, gotCols) || !slices.Equal(vals, gotVals) {
			t.Fatalf("row %d differs", i)
		}
	}
}

func TestLinearNeedsTwoClasses(t *testing.T) {
	t.Parallel()
	if _, _, err := TrainLinear(t.Context(), stripes(5, 1, 1), LinearOptions{}); !errors.Is(err, ErrTooFewClasses) {
		t.Errorf("got %v", err)
	}
}

func TestTrainingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := TrainLinear(ctx, stripes(100, 3, 1), LinearOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("linear: %v", err)
	}
	s := Sequence{Starts: []uint32{0, 1}, Attrs: []uint32{0}, Labels: []uint16{Begin(0)}}
	if _, err := TrainCRF(ctx, []Sequence{s}, CRFOptions{Attributes: 1, Kinds: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("tagger: %v", err)
	}
}

func TestProgressRisesToOne(t *testing.T) {
	t.Parallel()
	var seen []float64
	if _, _, err := TrainLinear(t.Context(), stripes(200, 4, 1), LinearOptions{Progress: func(done float64) { seen = append(seen, done) }}); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(seen) || len(seen) < 5 || seen[len(seen)-1] < 0.999 {
		t.Errorf("progress %v", seen)
	}
}

func TestGroupsStayInOneFold(t *testing.T) {
	t.Parallel()
	p := stripes(60, 3, 1)
	opts := LinearOptions{Groups: make([]int32, 60)}
	for i := range opts.Groups {
		opts.Groups[i] = int32(i / 6)
	}
	in := map[int32]int{}
	for f, fold := range opts.folds(p, p.rows()) {
		for _, r := range fold.held {
			g := opts.Groups[r]
			if other, ok := in[g]; ok && other != f {
				t.Errorf("group %d lies in folds %d and %d", g, other, f)
			}
			in[g] = f
		}
	}
	if len(in) != 10 {
		t.Errorf("%d groups are held out, not 10", len(in))
	}
}

func TestModelsSurviveTheFile(t *testing.T) {
	t.Parallel()
	p := stripes(100, 3, 1)
	l, _, err := TrainLinear(t.Context(), p, LinearOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seq := Sequence{Starts: []uint32{0, 1, 3, 4}, Attrs: []uint32{0, 1, 2, 0}, Labels: []uint16{0, Begin(0), Inside(0)}}
	c, err := TrainCRF(t.Context(), []Sequence{seq, seq, seq}, CRFOptions{Attributes: 3, Kinds: 1})
	if err != nil {
		t.Fatal(err)
	}
	var w FileWriter
	l.Put(&w, "l")
	c.Put(&w, "c")
	data, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for shift := range 3 { // numbers that do not lie at a multiple of their size are copied
		moved := append(make([]byte, shift), data...)[shift:]
		f, err := OpenFile(moved)
		if err != nil {
			t.Fatal(err)
		}
		l2, err := LinearFrom(f, "l")
		if err != nil {
			t.Fatal(err)
		}
		c2, err := CRFFrom(f, "c")
		if err != nil {
			t.Fatal(err)
		}
		cols, vals := p.X.Row(0)
		if diff := cmp.Diff(l.Scores(nil, cols, vals), l2.Scores(nil, cols, vals)); diff != "" {
			t.Errorf("scores (-before +after):\n%s", diff)
		}
		want, wantP := c.Tag(seq.Starts, seq.Attrs, nil, nil)
		got, gotP := c2.Tag(seq.Starts, seq.Attrs, nil, nil)
		if !cmp.Equal(want, got) || !cmp.Equal(wantP, gotP) || !cmp.Equal(want, seq.Labels) {
			t.Errorf("labels %v %v, were %v %v", got, gotP, want, wantP)
		}
	}
}

func TestFileWriterRefusesBadNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{""}, {"a", "a"}, {string(make([]byte, nameSize+1))}} {
		var w FileWriter
		for _, n := range names {
			w.Bytes(n, nil)
		}
		if _, err := w.Finish(); err == nil {
			t.Errorf("names %q: no error", names)
		}
	}
}

func FuzzOpenFile(f *testing.F) {
	var w FileWriter
	w.Uint32s("a", []uint32{1, 2, 3})
	w.Float32s("b", []float32{1, 2})
	w.Bytes("c", []byte("text"))
	data, err := w.Finish()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:100])
	f.Add([]byte(fileMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := OpenFile(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		for _, s := range file.sections {
			_, _ = file.Bytes(s.name)
			_, _ = file.Uint16s(s.name)
			_, _ = file.Uint32s(s.name)
			_, _ = file.Uint64s(s.name)
			if x, err := file.Float32s(s.name); err == nil && !sane(x) {
				t.Fatal("a number that is not finite")
			}
			_, _ = file.Int8s(s.name)
		}
	})
}
