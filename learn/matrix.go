package learn

import "slices"

// Matrix is a sparse matrix, row by row. Columns of one row are distinct; their order is the order in which sums are taken.
type Matrix struct {
	Cols  int // number of columns
	start []int
	col   []uint32
	val   []float32
	rows  int // that are expected
}

// NewMatrix makes a matrix without rows.
func NewMatrix(cols int) *Matrix {
	return &Matrix{Cols: cols, start: []int{0}}
}

// Expect says how many rows there will be, so that Append can make room for all of them at once: growing step by step takes more than
// twice the memory.
func (m *Matrix) Expect(rows int) { m.rows = rows }

// sampleRows are how many rows tell how long the others will be.
const sampleRows = 64

// grow makes room for n numbers more, and for about as many as all expected rows will have.
func (m *Matrix) grow(n int) {
	have := m.Rows()
	if have < sampleRows || have >= m.rows || cap(m.col)-len(m.col) >= n {
		return
	}
	each := float64(len(m.col)) / float64(have)
	n += int(each * float64(m.rows-have) * 1.05)
	m.col, m.val = slices.Grow(m.col, n), slices.Grow(m.val, n)
}

// Rows is the number of rows.
func (m *Matrix) Rows() int { return len(m.start) - 1 }

// Row gives the columns and values of a row; they must not be changed.
func (m *Matrix) Row(i int) (cols []uint32, vals []float32) {
	from, to := m.start[i], m.start[i+1]
	return m.col[from:to:to], m.val[from:to:to]
}

// Append adds a row; cols and vals are copied and must be of one length, with every column below Cols.
func (m *Matrix) Append(cols []uint32, vals []float32) {
	m.grow(len(cols))
	m.col = append(m.col, cols...)
	m.val = append(m.val, vals[:len(cols)]...)
	m.start = append(m.start, len(m.col))
}

// Problem is a classification to learn: rows of a matrix and their classes.
type Problem struct {
	X       *Matrix
	Y       []int32 // the class of each row of X, below Classes
	Classes int
	// Rows are the rows to learn from; nil: all.
	Rows []int32
	// sets are the classes of each row, in place of Y, where a row may belong to several.
	sets [][]int32
}

// is reports whether a row belongs to a class.
func (p *Problem) is(row, class int32) bool {
	if p.sets != nil {
		return slices.Contains(p.sets[row], class)
	}
	return p.Y[row] == class
}

// rows gives the rows to learn from.
func (p *Problem) rows() []int32 {
	if p.Rows != nil {
		return p.Rows
	}
	rows := make([]int32, p.X.Rows())
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// dense is a matrix of weights, feature by feature: the weights of a feature for all classes stand together, padded to
// stride, so that scoring adds whole rows.
type dense struct {
	classes, stride int
	w               []float32 // features × stride
	bias            []float32 // stride
}

func newDense(features, classes int) *dense {
	stride := (classes + 7) &^ 7
	return &dense{classes: classes, stride: stride, w: make([]float32, features*stride), bias: make([]float32, stride)}
}

// score writes the score of every class into dst, which is of length stride.
func (d *dense) score(dst []float32, cols []uint32, vals []float32) {
	copy(dst, d.bias)
	for i, c := range cols {
		from := int(c) * d.stride
		axpy(dst, vals[i], d.w[from:from+d.stride])
	}
}
