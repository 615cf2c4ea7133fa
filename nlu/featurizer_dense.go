package nlu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"parley/embed"
	"parley/learn"
)

// vectors gives texts vectors of length one.
type vectors interface {
	Width() int
	Sum() uint32
	Encode(dst []float32, text string, pooling embed.Pooling)
}

// denseFeaturizer gives a text a dense vector, by weights from outside of the model: LanguageModelFeaturizer runs a transformer,
// StaticEmbeddingFeaturizer looks words up in a table. Intent classifiers and response selectors read it beside the sparse features.
type denseFeaturizer struct {
	component string
	alias     string
	option    string // that names the weights
	path      string // as the option has it
	pooling   embed.Pooling
	weight    float32 // 0: by the number of examples
	open      func(path string) (vectors, error)
	slot      int // where its vector stands in a message
	cfg       Config
	foreign   *foreign // the component of Rasa that it stands in for; nil: none

	found   string // path where the weights were
	vectors vectors
}

func newLanguageModelFeaturizer(o *options) component {
	d := newDense(o, "model_weights", func(path string) (vectors, error) { return embed.OpenTransformer(path) })
	if name := o.text("model_name", "bert"); name != "bert" {
		o.fail("model_name", "must be bert, not %q: only models like BERT can be run, MiniLM among them", name)
	}
	o.without("cache_dir")
	return d
}

// builtIn begins the names of the tables that a project has for its languages, such as default-en.
const builtIn = "default-"

func newStaticEmbeddingFeaturizer(o *options) component {
	d := newDense(o, "model", openTable)
	if language, ok := strings.CutPrefix(d.path, builtIn); ok {
		d.path = tableFolder(language)
	}
	return d
}

func openTable(path string) (vectors, error) { return embed.OpenTable(path) }

// newTable makes the featurizer that stands in for one of another runtime.
func newTable(o *options) *denseFeaturizer {
	return &denseFeaturizer{component: o.cfg.Name, alias: o.text("alias", ""), option: "", open: openTable, cfg: o.cfg, pooling: poolingOf(o, "mean", "max")}
}

// setLanguage chooses the table of the project's language, where no other is named.
func (d *denseFeaturizer) setLanguage(language string) {
	if d.foreign != nil {
		d.path = tableFolder(language)
	}
}

// poolingOf reads how the vectors of a text become one.
func poolingOf(o *options, allowed ...string) embed.Pooling {
	switch o.choice("pooling", "mean", allowed...) {
	case "max":
		return embed.Max
	case "cls":
		return embed.First
	}
	return embed.Mean
}

func newDense(o *options, option string, open func(string) (vectors, error)) *denseFeaturizer {
	d := &denseFeaturizer{component: o.cfg.Name, alias: o.text("alias", ""), option: option, open: open, cfg: o.cfg}
	d.path = o.text(option, "")
	d.pooling = poolingOf(o, "mean", "max", "cls")
	if v, ok := o.value("weight"); ok && v != "auto" {
		if d.weight = float32(o.number("weight", 1)); d.weight <= 0 {
			o.fail("weight", "must be auto or a positive number")
		}
	}
	if o.choice("on_missing", "error", "error", "warn") == "error" && d.path == "" {
		o.fail(option, "must be the path of a local folder with the weights: nothing is downloaded (see the README, dense vectors); "+
			"or write on_missing: warn beneath it to go on without it")
	}
	return d
}

func (d *denseFeaturizer) name() string { return d.alias }

func (d *denseFeaturizer) bind(before []component) {
	for _, c := range before {
		if _, ok := c.(*denseFeaturizer); ok {
			d.slot++
		}
	}
}

// optional reports whether the pipeline may go on without the weights.
func (d *denseFeaturizer) optional() bool { return d.cfg.Options["on_missing"] == "warn" }

// find opens the weights: at the path as it is written, beside the configuration, or where they were when the model was trained.
func (d *denseFeaturizer) find(trained string) error {
	places := beside(d.path, d.cfg)
	if trained != "" {
		places = append(places, trained)
	}
	for _, path := range places {
		if !exists(path) {
			continue
		}
		v, err := d.open(path)
		if err != nil {
			return d.fail("%v", err)
		}
		d.vectors = v
		if d.found, err = filepath.Abs(path); err != nil {
			d.found = path
		}
		return nil
	}
	return d.fail("there is no %q: put the weights there; nothing is downloaded (see the README, dense vectors)", d.path)
}

// beside are the places where a path of a configuration may lead: as it is written, and from where the configuration is.
func beside(path string, cfg Config) []string {
	if path == "" || filepath.IsAbs(path) || cfg.File == "" {
		return []string{path}
	}
	return []string{path, filepath.Join(filepath.Dir(cfg.File), path)}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && !errors.Is(err, os.ErrNotExist)
}

func (d *denseFeaturizer) fail(format string, args ...any) error {
	return &ConfigError{Component: d.component, Option: d.option, File: d.cfg.File, Line: d.cfg.Line, Problem: fmt.Sprintf(format, args...)}
}

func (d *denseFeaturizer) train(_ context.Context, t *training) error {
	err := d.find("")
	if d.foreign != nil {
		switch {
		case err == nil:
			t.warn("%s needs the %s runtime, which Parley does not contain: the table of vectors in %s stands in for it", d.component, d.foreign.runtime, d.path)
		case d.vectors == nil && !exists(d.path):
			t.warn("%s %s", d.component, d.foreign.why())
			return nil
		}
		return err
	}
	if err != nil && d.optional() && d.vectors == nil {
		t.warn("%v; the pipeline goes on without it", err)
		return nil
	}
	return err
}

func (d *denseFeaturizer) process(_ context.Context, m *message) error {
	if d.vectors != nil {
		m.dense[d.slot] = grown(m.dense[d.slot], d.vectors.Width())
		d.vectors.Encode(m.dense[d.slot], m.text, d.pooling)
	}
	return nil
}

// grown gives a slice of n numbers.
func grown(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

// several are vectors that are quicker for many texts at once.
type several interface {
	EncodeAll(dst []float32, texts []string, pooling embed.Pooling)
}

// processAll encodes the training texts, on all cores.
func (d *denseFeaturizer) processAll(ctx context.Context, t *training) error {
	if d.vectors == nil {
		return nil
	}
	const part = 32
	width := d.vectors.Width()
	tell := newTally(t.progress(d.component), len(t.messages))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	for from := 0; from < len(t.messages); from += part {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			messages := t.messages[from:min(from+part, len(t.messages))]
			all := make([]float32, len(messages)*width)
			texts := make([]string, len(messages))
			for i, m := range messages {
				texts[i] = m.text
				m.dense[d.slot] = all[i*width : (i+1)*width : (i+1)*width]
			}
			if s, ok := d.vectors.(several); ok {
				s.EncodeAll(all, texts, d.pooling)
			} else {
				for i, m := range messages {
					d.vectors.Encode(m.dense[d.slot], texts[i], d.pooling)
				}
			}
			tell.add(len(messages))
			return nil
		})
	}
	err := g.Wait()
	if l, ok := d.vectors.(interface{ Leave() }); ok {
		l.Leave() // the words of a whole training set, which few messages have
	}
	return err
}

// tally counts what several goroutines have done.
type tally struct {
	tell      func(float64) // nil: nobody asks
	mu        sync.Mutex
	done, all int
}

func newTally(tell func(float64), all int) *tally { return &tally{tell: tell, all: all} }

func (t *tally) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done += n; t.tell != nil {
		t.tell(float64(t.done) / float64(t.all))
	}
}

// savedDense is what a model keeps of a dense featurizer: not the weights, but which they were.
type savedDense struct {
	Path  string `json:"path"`
	Width int    `json:"width"`
	Sum   uint32 `json:"sum"`
}

func (d *denseFeaturizer) save(w *learn.FileWriter) error {
	var s savedDense
	if d.vectors != nil {
		s = savedDense{d.found, d.vectors.Width(), d.vectors.Sum()}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	w.Bytes("vectors", data)
	return nil
}

func (d *denseFeaturizer) load(f *learn.File) error {
	data, err := f.Bytes("vectors")
	if err != nil {
		return err
	}
	var s savedDense
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("%w: vectors: %v", learn.ErrCorrupt, err) //nolint:errorlint // one sentinel is enough
	}
	if s.Width == 0 {
		return nil // trained without
	}
	if err := d.find(s.Path); err != nil {
		return err
	}
	if d.vectors.Width() != s.Width || d.vectors.Sum() != s.Sum {
		return d.fail("the weights in %s are not those that the model was trained with: train again, or put the others back", d.found)
	}
	return nil
}

// countDense is the number of dense featurizers among components.
func countDense(components []component) int {
	n := 0
	for _, c := range components {
		if _, ok := c.(*denseFeaturizer); ok {
			n++
		}
	}
	return n
}
