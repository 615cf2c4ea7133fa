package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/dialogue"
	"parley/model"
	"parley/nlu"
	"parley/project"
)

// fallback is the intent of messages that were refused.
const fallback = "nlu_fallback"

// measure trains and tests one row, and prints its cells.
func measure(ctx context.Context, j job) error {
	data, test, err := j.read()
	if err != nil {
		return err
	}
	start, before := time.Now(), usage()
	pipeline, err := nlu.Train(ctx, j.pipeline(), data, nlu.TrainOptions{Language: "en"})
	if err != nil {
		return err
	}
	wall, cpu, peak := time.Since(start), usage().cpu-before.cpu, usage().peak
	loaded, size, load, err := reload(pipeline)
	if err != nil {
		return err
	}
	r, err := score(ctx, loaded, test)
	if err != nil {
		return err
	}
	caught := "–"
	if lines := readLines(filepath.Join(j.Set, "oos_test.txt")); len(lines) > 0 {
		refused := 0
		for _, line := range lines {
			p, err := loaded.Parse(ctx, line)
			if err != nil {
				return err
			}
			if p.Intent.Name == fallback {
				refused++
			}
		}
		caught = fmt.Sprintf("%.1f", 100*float64(refused)/float64(len(lines)))
	}
	_, _ = fmt.Fprintf(os.Stdout, "| %.2f | %.2f | %.3f | %s | %.2f | %.1f | %.1f | %.0f | %.0f | %.0f | %.1f | %.1f |\n",
		100*r.accuracy, 100*r.f1, r.calibration, caught, 100*r.lost, cpu.Seconds(), wall.Seconds(), peak, r.median, r.late, size, load)
	return nil
}

// pipeline is Rasa's default one, with dense features if the row has some.
func (j *job) pipeline() []nlu.Config {
	configs := nlu.DefaultPipeline()
	at := slices.IndexFunc(configs, func(c nlu.Config) bool { return c.Name == "DIETClassifier" })
	switch j.Kind {
	case "static":
		configs = slices.Insert(configs, at, nlu.Config{Name: "StaticEmbeddingFeaturizer", Options: map[string]any{"model": j.Vectors}})
	case "model":
		configs = slices.Insert(configs, at, nlu.Config{Name: "LanguageModelFeaturizer", Options: map[string]any{"model_weights": j.Vectors}})
	}
	return configs
}

// read reads the examples to train on and to test on.
func (j *job) read() (*nlu.TrainingData, []nlu.Example, error) {
	train, err := project.Load(project.Paths{Data: []string{filepath.Join(j.Set, "train.yml")}})
	if err != nil {
		return nil, nil, err
	}
	data := &train.NLU
	if j.Develop {
		var kept, test []nlu.Example
		counts := map[string]int{}
		for _, e := range data.Examples {
			if counts[e.Intent]++; counts[e.Intent]%5 == 0 {
				test = append(test, e)
			} else {
				kept = append(kept, e)
			}
		}
		data.Examples = kept
		return data, test, nil
	}
	path := filepath.Join(j.Set, "test.yml")
	if _, err := os.Stat(path); err != nil { // a part of a set: set-part
		whole, _, _ := strings.Cut(filepath.Base(j.Set), "-")
		path = filepath.Join(filepath.Dir(j.Set), whole, "test.yml")
	}
	test, err := project.Load(project.Paths{Data: []string{path}})
	if err != nil {
		return nil, nil, err
	}
	if len(test.NLU.Examples) == 0 {
		return nil, nil, fmt.Errorf("%s has no examples", path)
	}
	return data, test.NLU.Examples, nil
}

// reload saves a pipeline as a model and loads it again. Sizes are megabytes, times milliseconds.
func reload(p *nlu.Pipeline) (loaded *nlu.Pipeline, size, load float64, err error) {
	dir, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "m.tar.gz")
	d := (&dialogue.Domain{Actions: []string{dialogue.ActionListen}, Raw: []byte("{}")}).Finish()
	if err := (&model.Model{ID: "bench", Domain: d, NLU: p}).Save(path); err != nil {
		return nil, 0, 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, 0, err
	}
	var times []float64
	for range 5 {
		start := time.Now()
		m, err := model.Load(path)
		if err != nil {
			return nil, 0, 0, err
		}
		times = append(times, float64(time.Since(start).Microseconds())/1000)
		loaded = m.NLU
	}
	return loaded, float64(info.Size()) / 1e6, slices.Min(times), nil
}

// result is what a test gave.
type result struct {
	accuracy, f1 float64
	calibration  float64 // difference between confidence and accuracy, over ten bins, weighted
	lost         float64 // share of the right answers that were refused
	median, late float64 // microseconds of a message, of 50 and 99 %
}

func score(ctx context.Context, p *nlu.Pipeline, test []nlu.Example) (result, error) {
	var right, refused int
	var bins [10]struct{ n, right, sum float64 }
	var times []time.Duration
	targets, predicted, hits := map[string]int{}, map[string]int{}, map[string]int{}
	for _, e := range test {
		start := time.Now()
		parse, err := p.Parse(ctx, e.Text)
		if err != nil {
			return result{}, err
		}
		times = append(times, time.Since(start))
		best := parse.Intent
		if best.Name == fallback && len(parse.Ranking) > 1 {
			best = parse.Ranking[1]
		}
		bin := &bins[min(int(best.Confidence*10), 9)]
		bin.n, bin.sum = bin.n+1, bin.sum+best.Confidence
		targets[e.Intent]++
		predicted[best.Name]++
		if best.Name != e.Intent {
			continue
		}
		hits[e.Intent]++
		right, bin.right = right+1, bin.right+1
		if parse.Intent.Name == fallback {
			refused++
		}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))].Nanoseconds()) / 1000
	}
	r := result{accuracy: float64(right) / float64(len(test)), lost: float64(refused) / float64(max(right, 1)), median: at(0.5), late: at(0.99)}
	for _, b := range bins {
		r.calibration += math.Abs(b.right-b.sum) / float64(len(test))
	}
	for intent, n := range targets {
		r.f1 += float64(n) / float64(len(test)) * 2 * float64(hits[intent]) / float64(n+predicted[intent])
	}
	return r, nil
}

func readLines(path string) (lines []string) {
	f, err := os.Open(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// used is what this process has used.
type used struct {
	cpu  time.Duration // user and system
	peak float64       // megabytes
}

func usage() used {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return used{}
	}
	return used{time.Duration(u.Utime.Nano() + u.Stime.Nano()), float64(u.Maxrss) / 1024}
}
