package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"parley/learn"
)

// linearStep are the numbers of the file that become a matrix.
type linearStep struct {
	matrix        *matrix
	name          string
	weights, bias []float32
	inputs        int
}

// Whole numbers of at least this many bytes are kept; fewer are made as quickly as read.
const leastKept = 256 << 10

// keptForm changes when the same weights give other whole numbers, or in another order.
const keptForm = 1

// weightsCache has the whole numbers of models that were opened, to be mapped by all processes that open them.
func weightsCache() learn.Cache { return learn.Cache{Name: "weights", Most: 8} }

// keptName is the file of the whole numbers of a model. A file of weights that was written anew has another one, whether its sum, which
// is not of all its bytes, changed or not.
func keptName(t *tensors, file fs.FileInfo, c *config) string {
	of := fmt.Appendf(nil, "%d %x %d %d %d %d %d", keptForm, t.digest, file.Size(), file.ModTime().UnixNano(), c.Width, c.Inner, c.Layers)
	sum := sha256.Sum256(of)
	return hex.EncodeToString(sum[:])
}

// fill gives the matrices of linear steps their whole numbers: those that were kept by this name, or else of the weights, which are then
// kept. What cannot be kept is in memory of the process. release ends the mapping.
func fill(steps []linearStep, name string) (release func(), err error) {
	size := 0
	for _, s := range steps {
		size += len(s.bias) * padded(s.inputs)
	}
	if size < leastKept {
		return func() {}, quantize(steps)
	}
	if release, ok := mapKept(steps, name); ok {
		return release, nil
	}
	if err := quantize(steps); err != nil {
		return nil, err
	}
	if keep(steps, name) {
		if release, ok := mapKept(steps, name); ok {
			return release, nil
		}
	}
	return func() {}, nil
}

// quantize makes the whole numbers of the weights.
func quantize(steps []linearStep) error {
	fresh(steps)
	var g errgroup.Group
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	for _, s := range steps {
		g.Go(func() error {
			if err := s.matrix.quantize(s.weights, s.inputs); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// fresh gives matrices memory of their own.
func fresh(steps []linearStep) {
	for _, s := range steps {
		in, out := padded(s.inputs), len(s.bias)
		*s.matrix = matrix{rows: make([]int8, out*in), inputs: in, scales: make([]float32, out), bias: s.bias}
	}
}

// Sections of a kept file: those of all matrices, one after another.
const (
	keptRows   = "rows"
	keptScales = "scales"
)

// keep writes the matrices into the cache.
func keep(steps []linearStep, name string) bool {
	var rows []int8
	var scales []float32
	for _, s := range steps {
		rows, scales = append(rows, s.matrix.rows...), append(scales, s.matrix.scales...)
	}
	var w learn.FileWriter
	w.Int8s(keptRows, rows)
	w.Float32s(keptScales, scales)
	data, err := w.Finish()
	return err == nil && weightsCache().Write(name, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// mapKept has the matrices point into a file of the cache. Its sums are checked; one that is damaged counts as not there.
func mapKept(steps []linearStep, name string) (release func(), ok bool) {
	data, release, ok := weightsCache().Map(name)
	if !ok {
		return nil, false
	}
	if !point(steps, data) {
		release()
		return nil, false
	}
	return release, true
}

// point has the matrices point into the bytes of a kept file, if it is theirs.
func point(steps []linearStep, data []byte) bool {
	f, err := learn.OpenFile(data)
	if err != nil {
		return false
	}
	rows, err := f.Int8s(keptRows)
	if err != nil {
		return false
	}
	scales, err := f.Float32s(keptScales)
	if err != nil {
		return false
	}
	matrices := make([]matrix, len(steps))
	for i, s := range steps {
		in, out := padded(s.inputs), len(s.bias)
		if len(rows) < out*in || len(scales) < out {
			return false
		}
		matrices[i] = matrix{rows: rows[: out*in : out*in], inputs: in, scales: scales[:out:out], bias: s.bias}
		rows, scales = rows[out*in:], scales[out:]
	}
	if len(rows) != 0 || len(scales) != 0 {
		return false
	}
	for i, s := range steps {
		*s.matrix = matrices[i]
	}
	return true
}
