package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"parley/model"
	"parley/nlu"
	"parley/project"
)

// rare is how many examples an intent must have to take part in a comparison.
const rare = 5

// trainFraction is the share of the examples that a comparison trains with.
const trainFraction = 0.8

// NamedConfig is a configuration under the name of its file, without the ending.
type NamedConfig struct {
	Name   string
	Config project.Config
}

// CompareOptions are the knobs of a comparison of configurations.
type CompareOptions struct {
	Configs []NamedConfig
	Runs    int    // how often the examples are divided anew
	Exclude []int  // percentages of the training examples to leave out, one training for each
	Seed    uint64 // 0: DefaultSeed
	Files   Files  // where to write to; its switches do not count
	// Progress, when set, is told how many trainings are done.
	Progress func(done, total int)
	// Warn, when set, is told what a user should know.
	Warn func(message string)
}

// Comparison is how configurations do with more or fewer examples.
type Comparison struct {
	Names    []string
	Examples []int                  // number of training examples by percentage, in the first run
	F1       map[string][][]float64 // weighted F1 of intents by name, run and percentage
}

// Compare trains each configuration in each run with each share of the examples, and scores it on the fifth that is put aside. It
// writes the examples, models and reports below run_1, run_2, …, then results.json with the F1 of intents and a graph of it. A
// training that fails counts as 0.
func Compare(ctx context.Context, p *project.Project, o CompareOptions) (*Comparison, error) {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Seed == 0 {
		o.Seed = DefaultSeed
	}
	c := &Comparison{F1: map[string][][]float64{}}
	for _, config := range o.Configs {
		if c.F1[config.Name] != nil {
			return nil, fmt.Errorf("two of the configurations are called %q: rename one", config.Name)
		}
		c.Names = append(c.Names, config.Name)
		c.F1[config.Name] = make([][]float64, o.Runs)
	}
	examples := dropRare(p.NLU.Examples, rare, o.Warn)
	if len(examples) == 0 {
		return nil, fmt.Errorf("%w: no intent has %d of them", ErrTooFewExamples, rare)
	}
	random := rand.New(rand.NewPCG(o.Seed, 0)) //nolint:gosec // a comparison is to be repeatable
	report := counter(o.Runs*len(o.Exclude)*len(o.Configs), o.Progress)
	for run := range o.Runs {
		w := o.Files.below(fmt.Sprintf("run_%d", run+1)).open()
		train, test := project.Divide(examples, trainFraction, random)
		held := with(&p.NLU, test)
		data, _ := project.WriteNLU(held)
		w.file("test.yml", data)
		for _, percentage := range o.Exclude {
			kept := train
			if percentage > 0 {
				_, kept = project.Divide(train, float64(percentage)/100, random)
			}
			part := with(&p.NLU, kept)
			if run == 0 {
				c.Examples = append(c.Examples, len(kept))
			}
			folder := w.below(fmt.Sprintf("%d%%_exclusion", percentage))
			if err := writePart(folder, part); err != nil {
				return nil, err
			}
			for _, config := range o.Configs {
				f1, err := o.measure(ctx, p, config, part, held, folder)
				if err != nil {
					return nil, err
				}
				c.F1[config.Name][run] = append(c.F1[config.Name][run], f1)
				report()
			}
		}
		if w.err != nil {
			return nil, w.err
		}
	}
	return c, c.write(o.Files)
}

// measure trains one configuration and gives its F1.
func (o *CompareOptions) measure(ctx context.Context, p *project.Project, c NamedConfig, train, test *nlu.TrainingData, folder Files) (float64, error) {
	m, err := model.Train(ctx, &project.Project{Config: c.Config, Domain: p.Domain, NLU: *train}, model.Options{NLUOnly: true, Warn: o.Warn})
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		o.Warn(fmt.Sprintf("the training of %q failed, it counts as 0: %v", c.Name, err))
		return 0, nil
	}
	if err := m.Save(filepath.Join(folder.Dir, c.Name+".tar.gz")); err != nil {
		return 0, err
	}
	r, err := NLU(ctx, m, test, NLUOptions{})
	if err != nil {
		return 0, fmt.Errorf("evaluate %q: %w", c.Name, err)
	}
	if r.Intents == nil {
		return 0, errors.New("the examples have less than two intents: there is nothing to compare")
	}
	files := folder.below(c.Name + "_report")
	files.Errors, files.Plots = true, true
	return r.Intents.Report.Weighted.F1, r.Write(files)
}

// with is training data with other examples.
func with(d *nlu.TrainingData, examples []nlu.Example) *nlu.TrainingData {
	part := *d
	part.Examples = examples
	return &part
}

// writePart writes what a model of a comparison is trained with.
func writePart(folder Files, part *nlu.TrainingData) error {
	w := folder.below("train").open()
	data, responses := project.WriteNLU(part)
	w.file("train.yml", data)
	w.file("responses.yml", responses)
	return w.err
}

// below is a folder in the folder.
func (f Files) below(name string) Files {
	f.Dir = filepath.Join(f.Dir, name)
	return f
}

// write writes the results and their graph.
func (c *Comparison) write(f Files) error {
	w := f.open()
	results, curves := object{}, make([]curve, len(c.Names))
	for i, name := range c.Names {
		curves[i] = curve{name, c.F1[name]}
		results = append(results, member{name, list(c.F1[name], func(run *[]float64) any {
			return list(*run, func(f1 *float64) any { return *f1 })
		})})
	}
	w.json("results.json", results)
	w.file("nlu_model_comparison_graph.svg", curveSVG("Comparison of configurations", "number of examples in the training",
		"weighted F1 of intents", c.Examples, curves))
	return w.err
}
