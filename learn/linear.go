package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// LinearOptions are the knobs of TrainLinear; zero values mean the defaults.
type LinearOptions struct {
	C      float64 // cost of an error of the support vector machine; 0.5
	Passes int     // cap on the passes of both learners; 0: their own (300; 10, or 30 below 2 000 rows)
	// Margin leaves out the softmax half: quicker, and as good on small or noise-free data.
	Margin  bool
	Dropout float64 // of the softmax half; 0.4; negative: none
	Folds   int     // for calibration; 0: 5 below 1 000 rows, else 3
	// Doubt, with at least 1 000 rows, lowers confidences, by 40 % at most, as long as no more than this share of the right
	// answers falls below 0.3 or comes closer than 0.1 to the next, and confidences differ by 0.04 at most from how often they are
	// right. What belongs to no class is refused more often then.
	Doubt float64
	// Groups, when set, keeps rows of one group in one fold; one number a row of the matrix.
	Groups []int32
	// OneFold calibrates on the first fold alone when there are this many rows or more; 0: never.
	OneFold int
	// AllScores asks for scores of the rows of all folds nevertheless; those of the others come from the first half alone.
	AllScores bool
	Seed      uint64
	// Progress, when set, is told how far training is (0..1); calls never overlap.
	Progress func(done float64)
}

// Report tells how a model fared on rows that it was not trained on.
type Report struct {
	// Scores are the calibrated scores (before softmax) of each row of the problem, nil for rows that were in every training part.
	Scores   [][]float32
	Accuracy float64 // share of those rows whose best class is right
	Rows     int     // number of those rows
}

// Linear scores classes by a weighted sum of features. Its scores are calibrated: softmax turns them into confidences that
// are right as often as they say. The weights are bytes with one scale a feature.
type Linear struct {
	classes, stride int
	scale           []float32 // a feature
	weight          []int8    // features × stride
	bias            []float32 // classes
}

// ErrTooFewClasses says that there is nothing to tell apart.
var ErrTooFewClasses = errors.New("learn: a classifier needs at least two classes")

// TrainLinear learns to tell classes apart: a support vector machine against the rest and a softmax regression with
// dropout, each brought to probabilities by a temperature that is fitted on rows left out of training, then added.
func TrainLinear(ctx context.Context, p *Problem, opts LinearOptions) (*Linear, *Report, error) {
	if p.Classes < 2 {
		return nil, nil, ErrTooFewClasses
	}
	if opts.C == 0 {
		opts.C = 0.5
	}
	if opts.Dropout == 0 {
		opts.Dropout = 0.4
	}
	rows := p.rows()
	folds := opts.folds(p, rows)
	jobs := make([]*halves, 0, len(folds)+1)
	jobs = append(jobs, &halves{problem: p})
	calibrating := len(folds)
	if opts.OneFold > 0 && len(rows) >= opts.OneFold && len(folds) > 1 {
		calibrating = 1
	}
	for i, f := range folds {
		if i >= calibrating && !opts.AllScores {
			break
		}
		jobs = append(jobs, &halves{problem: &Problem{X: p.X, Y: p.Y, Classes: p.Classes, Rows: f.train}, held: f.held, margin: i >= calibrating})
	}
	if err := trainHalves(ctx, jobs, opts); err != nil {
		return nil, nil, err
	}
	whole := jobs[0]
	report := &Report{Scores: make([][]float32, p.X.Rows())}
	cal := newCalibration(jobs[1:1+calibrating], p)
	report.Rows = len(cal.rows)
	tauSVM := cal.fit(cal.svm, 6.5)
	alone, tauSoft := tauSVM, 0.0
	if whole.soft != nil {
		tauSoft = cal.fit(cal.soft, 1)
		tauSVM, tauSoft = tauSVM/2, tauSoft/2
	}
	sum := cal.mix(float32(tauSVM), float32(tauSoft))
	last := cal.fit(sum, 1)
	last = cal.modest(sum, last)
	if opts.Doubt > 0 && len(rows) >= 1000 {
		last = cal.doubt(sum, last, opts.Doubt)
	}
	for _, job := range jobs[1+calibrating:] { // alone, the first half stands for both
		for _, r := range job.held {
			report.Scores[r] = job.score(p, r, float32(alone*last))
		}
	}
	tauSVM *= last
	tauSoft *= last
	right := 0
	for i, r := range cal.rows {
		scores := sum[i]
		for k := range scores {
			scores[k] *= float32(last)
		}
		report.Scores[r] = scores
		if argmax(scores) == int(p.Y[r]) {
			right++
		}
	}
	if len(cal.rows) > 0 {
		report.Accuracy = float64(right) / float64(len(cal.rows))
	}
	return quantize(whole, float32(tauSVM), float32(tauSoft)), report, nil
}

// fold is one division of the rows.
type fold struct{ train, held []int32 }

// folds divides rows evenly within each class. Classes (or groups) that are too small stay in every training part.
func (o *LinearOptions) folds(p *Problem, rows []int32) (folds []fold) {
	n := o.Folds
	if n == 0 {
		n = 3
		if len(rows) < 1000 {
			n = 5
		}
	}
	byClass := make([][]int32, p.Classes)
	for _, r := range rows {
		byClass[p.Y[r]] = append(byClass[p.Y[r]], r)
	}
	in := make(map[int32]int, len(rows)) // fold of each row that is held out
	rnd := NewRand(o.Seed, 0xf01d)
	at := 0
	ofGroup := map[int32]int{}
	for _, members := range byClass {
		if len(members) < 3 {
			continue
		}
		rnd.Shuffle(members)
		for _, r := range members {
			f := at % n
			if o.Groups != nil {
				if g, ok := ofGroup[o.Groups[r]]; ok {
					f = g
				} else {
					ofGroup[o.Groups[r]] = f
					at++
				}
			} else {
				at++
			}
			in[r] = f
		}
	}
	folds = make([]fold, n)
	for _, r := range rows {
		f, held := in[r]
		for i := range folds {
			if held && f == i {
				folds[i].held = append(folds[i].held, r)
			} else {
				folds[i].train = append(folds[i].train, r)
			}
		}
	}
	return slices.DeleteFunc(folds, func(f fold) bool { return len(f.held) == 0 || len(f.train) == 0 })
}

// halves is one training of both learners.
type halves struct {
	problem   *Problem
	held      []int32
	margin    bool // the first half alone
	svm, soft *dense
}

// score gives the scores of a row by the first half, scaled.
func (h *halves) score(p *Problem, row int32, scale float32) []float32 {
	cols, vals := p.X.Row(int(row))
	scores := make([]float32, h.svm.stride)
	h.svm.score(scores, cols, vals)
	for k := range scores {
		scores[k] *= scale
	}
	return scores[:p.Classes]
}

// trainHalves trains every job. The machines share the cores class by class; the regressions, one core each, run beside.
func trainHalves(ctx context.Context, jobs []*halves, opts LinearOptions) error {
	parts := 0
	for _, job := range jobs {
		job.margin = job.margin || opts.Margin
		parts += 2
		if job.margin {
			parts--
		}
	}
	progress := newProgress(opts.Progress, parts)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	part := 0
	for _, job := range jobs {
		if !job.margin {
			tell := progress.part(part)
			part++
			g.Go(func() error {
				n := len(job.problem.rows())
				passes := 10
				if n < 2000 {
					passes = 30
				}
				if opts.Passes > 0 {
					passes = min(passes, opts.Passes)
				}
				soft, err := trainSoftmax(ctx, job.problem, softmaxOptions{
					passes: passes, rate: 0.3, dropout: max(opts.Dropout, 0),
					biasRate: 0.002, seed: opts.Seed, progress: tell,
				})
				job.soft = soft
				return err
			})
		}
		tell := progress.part(part)
		part++
		g.Go(func() error {
			passes := 300
			if opts.Passes > 0 {
				passes = min(passes, opts.Passes)
			}
			svm, err := trainSVM(ctx, job.problem, svmOptions{c: opts.C, tolerance: 0.05, passes: passes, seed: opts.Seed, progress: tell})
			job.svm = svm
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("train linear classifier: %w", err)
	}
	return nil
}

// quantize adds both halves and keeps the sum as bytes.
func quantize(h *halves, svm, soft float32) *Linear {
	d := h.svm
	for i := range d.w {
		d.w[i] *= svm
	}
	for i := range d.bias {
		d.bias[i] *= svm
	}
	if h.soft != nil {
		axpy(d.w, soft, h.soft.w)
		axpy(d.bias, soft, h.soft.bias)
	}
	features := len(d.w) / d.stride
	l := &Linear{
		classes: d.classes, stride: d.stride, scale: make([]float32, features), weight: make([]int8, len(d.w)),
		bias: d.bias[:d.classes],
	}
	for f := range features {
		row := d.w[f*d.stride : (f+1)*d.stride]
		var top float32
		for _, v := range row {
			top = max(top, max(v, -v))
		}
		if top == 0 {
			continue
		}
		l.scale[f] = top / 127
		for k, v := range row {
			l.weight[f*d.stride+k] = int8(math.Round(float64(v / top * 127)))
		}
	}
	return l
}

// Classes is the number of classes.
func (l *Linear) Classes() int { return l.classes }

// Features is the number of columns a row may have.
func (l *Linear) Features() int { return len(l.scale) }

// Scores appends the score of every class to dst[:0] and returns it; columns must be below Features.
func (l *Linear) Scores(dst []float32, cols []uint32, vals []float32) []float32 {
	dst = slices.Grow(dst[:0], l.stride)[:l.stride]
	copy(dst, l.bias)
	clear(dst[l.classes:])
	for i, c := range cols {
		from := int(c) * l.stride
		axpyBytes(dst, vals[i]*l.scale[c], l.weight[from:from+l.stride])
	}
	return dst[:l.classes]
}

// argmax is the index of the largest value, the first among equals.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// Put writes the model into a file under a name.
func (l *Linear) Put(f *FileWriter, name string) {
	f.Uint32s(name+".shape", []uint32{uint32(l.classes), uint32(l.stride)})
	f.Float32s(name+".bias", l.bias)
	f.Float32s(name+".scale", l.scale)
	f.Int8s(name+".weight", l.weight)
}

// LinearFrom reads a model that Put wrote.
func LinearFrom(f *File, name string) (*Linear, error) {
	shape, err := f.Uint32s(name + ".shape")
	if err != nil {
		return nil, err
	}
	if len(shape) != 2 {
		return nil, fmt.Errorf("%w: %s.shape has %d numbers", ErrCorrupt, name, len(shape))
	}
	l := &Linear{classes: int(shape[0]), stride: int(shape[1])}
	if l.bias, err = f.Float32s(name + ".bias"); err != nil {
		return nil, err
	}
	if l.scale, err = f.Float32s(name + ".scale"); err != nil {
		return nil, err
	}
	if l.weight, err = f.Int8s(name + ".weight"); err != nil {
		return nil, err
	}
	if l.classes < 2 || l.stride < l.classes || l.stride%8 != 0 || len(l.bias) != l.classes || len(l.weight)/l.stride != len(l.scale) || len(l.weight)%l.stride != 0 {
		return nil, fmt.Errorf("%w: %s: %d classes, stride %d, %d weights, %d scales do not fit", ErrCorrupt, name, l.classes, l.stride, len(l.weight), len(l.scale))
	}
	return l, nil
}
