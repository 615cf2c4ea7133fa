package embed

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"parley/learn"
)

// TableName is the name of a table's file within a folder.
const TableName = "static.vec"

// Table gives a vector to a text by adding those of the pieces of its words.
type Table struct {
	pieces *wordPieces
	width  int
	rows   []int8 // of each piece
	scales []float32
	sum    uint32
	ids    sync.Pool // *[]int32
}

// tableHead is what a table's file says of itself.
type tableHead struct {
	Format  int    `json:"format"`
	Width   int    `json:"width"`
	Lower   bool   `json:"lowercase"`
	Accents bool   `json:"accents"`
	Sum     uint32 `json:"sum"` // of the weights that it was made of
}

// tableFormat is the number of the form of a table.
const tableFormat = 1

// OpenTable opens a table, a file or a folder that has one by the name TableName.
func OpenTable(path string) (*Table, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, TableName)
	}
	data, release, err := learn.MapFile(path)
	if err != nil {
		return nil, fmt.Errorf("open a table of vectors: %w", err)
	}
	t, err := readTable(data)
	if err != nil {
		release()
		return nil, fmt.Errorf("open the table of vectors %s: %w", path, err)
	}
	runtime.AddCleanup(t, func(f func()) { f() }, release)
	return t, nil
}

func readTable(data []byte) (*Table, error) {
	f, err := learn.OpenFile(data)
	if err != nil {
		return nil, err
	}
	var head tableHead
	text, err := f.Bytes("head")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("%w: head: %w", ErrWeights, err)
	}
	if head.Format != tableFormat {
		return nil, fmt.Errorf("%w: a table of format %d, this program reads %d: build it anew", ErrWeights, head.Format, tableFormat)
	}
	t := &Table{pieces: &wordPieces{lower: head.Lower, accents: head.Accents}, width: head.Width, sum: head.Sum}
	if text, err = f.Bytes("pieces"); err != nil {
		return nil, err
	}
	if err := t.pieces.fill(strings.Split(string(text), "\n")); err != nil {
		return nil, err
	}
	if t.rows, err = f.Int8s("rows"); err != nil {
		return nil, err
	}
	if t.scales, err = f.Float32s("scales"); err != nil {
		return nil, err
	}
	if n := len(t.pieces.names); t.width <= 0 || len(t.scales) != n || len(t.rows) != n*t.width {
		return nil, fmt.Errorf("%w: %d pieces, %d numbers of width %d", ErrWeights, n, len(t.rows), t.width)
	}
	t.ids.New = func() any { return new([]int32) }
	return t, nil
}

// Width is how many numbers a vector has.
func (t *Table) Width() int { return t.width }

// Sum tells tables apart: models trained with another one do not fit.
func (t *Table) Sum() uint32 { return t.sum ^ uint32(t.width) }

// Encode writes the vector of a text, of length one, into dst, which has Width numbers: the mean, or the largest, of those of its
// pieces. A text without a known piece gets zeros.
func (t *Table) Encode(dst []float32, text string, pooling Pooling) {
	ids, _ := t.ids.Get().(*[]int32)
	defer t.ids.Put(ids)
	*ids = t.pieces.cut((*ids)[:0], text, 4*maxPieces)
	dst = dst[:t.width]
	clear(dst)
	first := true
	for _, id := range *ids {
		if id == t.pieces.unknown {
			continue
		}
		scale := t.scales[id]
		for i, v := range t.rows[int(id)*t.width:][:t.width] {
			x := float32(scale * float32(v))
			if pooling != Max {
				dst[i] += x
			} else if first || x > dst[i] {
				dst[i] = x
			}
		}
		first = false
	}
	unit(dst)
	runtime.KeepAlive(t)
}

// BuildTable makes a table of a model: every piece of the vocabulary is encoded alone, the vectors are turned so that the first
// numbers say most (principal components), cut to a width, and made the longer the rarer a piece is. It returns the table's file.
// progress, when set, is told how far it is (0..1).
func BuildTable(ctx context.Context, t *Transformer, width int, progress func(done float64)) ([]byte, error) {
	if width < 1 || width > t.width {
		return nil, fmt.Errorf("build a table of vectors: the width must be from 1 to %d, not %d", t.width, width)
	}
	vectors, err := t.encodePieces(ctx, progress)
	if err != nil {
		return nil, err
	}
	n := len(t.pieces.names)
	turned := components(vectors, t.width, width)
	rows, scales := make([]int8, n*width), make([]float32, n)
	for i := range n {
		row := turned[i*width : (i+1)*width]
		top := 0.0
		for _, v := range row {
			top = max(top, math.Abs(v))
		}
		if name := t.pieces.names[i]; top == 0 || strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") && len(name) > 2 {
			continue // [PAD] and the like are no pieces of words
		}
		for j, v := range row {
			rows[i*width+j] = int8(math.Round(v / top * 127))
		}
		scales[i] = float32(top / 127 * math.Log(float64(2+i))) // pieces are in the order of their frequency
	}
	head, err := json.Marshal(tableHead{Format: tableFormat, Width: width, Lower: t.pieces.lower, Accents: t.pieces.accents, Sum: t.sum})
	if err != nil {
		return nil, err
	}
	var w learn.FileWriter
	w.Bytes("head", head)
	w.Bytes("pieces", []byte(strings.Join(t.pieces.names, "\n")))
	w.Int8s("rows", rows)
	w.Float32s("scales", scales)
	return w.Finish()
}

// encodePieces encodes every piece of the vocabulary.
func (t *Transformer) encodePieces(ctx context.Context, progress func(float64)) ([]float32, error) {
	n := len(t.pieces.names)
	vectors := make([]float32, n*t.width)
	const part = 256
	var mu sync.Mutex
	done := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	for from := 0; from < n; from += part {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("build a table of vectors: %w", err)
			}
			to := min(from+part, n)
			t.encodeIDs(vectors[from*t.width:to*t.width], from, to)
			mu.Lock()
			defer mu.Unlock()
			if done += to - from; progress != nil {
				progress(float64(done) / float64(n))
			}
			return nil
		})
	}
	return vectors, g.Wait()
}

// encodeIDs encodes the pieces with the ids from one up to another, each alone.
func (t *Transformer) encodeIDs(dst []float32, from, to int) {
	s, _ := t.scratch.Get().(*scratch)
	defer t.scratch.Put(s)
	for from < to {
		s.ids = s.ids[:0]
		var ends []int
		for ; from < to && len(s.ids) < batch; from++ {
			s.ids = append(s.ids, t.pieces.first, int32(from), t.pieces.last)
			ends = append(ends, len(s.ids))
		}
		t.run(s, ends)
		for i := range ends {
			pool(dst[:t.width], s.state[3*i*t.width:3*(i+1)*t.width], t.width, Mean)
			dst = dst[t.width:]
		}
	}
	runtime.KeepAlive(t)
}
