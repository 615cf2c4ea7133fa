package nlu

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ConfigError is a mistake in the pipeline of config.yml, or a regex of the training data that is none.
type ConfigError struct {
	Component string // or the regex
	Option    string // "" when it concerns the component itself
	File      string // "" when unknown
	Line      int
	Problem   string
	// Order marks a component that lacks one before it, or that cannot do the project's language: Rasa finds these
	// when it checks the graph, all others when it reads the configuration.
	Order bool
}

// Error is one line: where, what, and what to write instead.
func (e *ConfigError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Component)
	if e.Option != "" {
		b.WriteString(": " + e.Option)
	}
	b.WriteString(": " + e.Problem)
	return b.String()
}

// options reads the options of one component: each is asked for once, with its default; finish reports what nobody asked for.
type options struct {
	cfg   Config
	known []string
	errs  []error
	// idle are the options that were given and are understood but change nothing here.
	idle []string
}

func newOptions(cfg Config) *options { return &options{cfg: cfg, known: []string{"name"}} }

func (o *options) fail(option, format string, args ...any) {
	o.errs = append(o.errs, &ConfigError{Component: o.cfg.Name, Option: option, File: o.cfg.File, Line: o.cfg.Line, Problem: fmt.Sprintf(format, args...)})
}

// value gives an option that is set; null counts as not set, as in Rasa's defaults.
func (o *options) value(name string) (any, bool) {
	o.known = append(o.known, name)
	v, ok := o.cfg.Options[name]
	return v, ok && v != nil
}

func (o *options) boolean(name string, def bool) bool {
	v, ok := o.value(name)
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		o.fail(name, "must be true or false, not %s", describe(v))
		return def
	}
	return b
}

func (o *options) text(name, def string) string {
	v, ok := o.value(name)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		o.fail(name, "must be a text, not %s", describe(v))
		return def
	}
	return s
}

// choice is a text out of a few.
func (o *options) choice(name, def string, allowed ...string) string {
	s := o.text(name, def)
	if slices.Contains(allowed, s) {
		return s
	}
	o.fail(name, "must be one of %s, not %q%s", strings.Join(allowed, ", "), s, didYouMean(s, allowed))
	return def
}

func (o *options) number(name string, def float64) float64 {
	v, ok := o.value(name)
	if !ok {
		return def
	}
	f, ok := toNumber(v)
	if !ok || math.IsNaN(f) {
		o.fail(name, "must be a number, not %s", describe(v))
		return def
	}
	return f
}

func (o *options) integer(name string, def int) int {
	v, ok := o.value(name)
	if !ok {
		return def
	}
	f, ok := toNumber(v)
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<31 {
		o.fail(name, "must be a whole number, not %s", describe(v))
		return def
	}
	return int(f)
}

func (o *options) texts(name string) []string {
	v, ok := o.value(name)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		if already, ok := v.([]string); ok {
			return already
		}
		o.fail(name, "must be a list of texts, not %s", describe(v))
		return nil
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			o.fail(name, "must be a list of texts, but holds %s", describe(e))
			return nil
		}
		out = append(out, s)
	}
	return out
}

// without names options that Rasa knows and that have no meaning here; whatever they hold is accepted.
func (o *options) without(names ...string) {
	for _, name := range names {
		if _, ok := o.value(name); ok {
			o.idle = append(o.idle, name)
		}
	}
}

// finish reports every mistake found, unknown options last.
func (o *options) finish() error {
	unknown := make([]string, 0)
	for name := range o.cfg.Options {
		if !slices.Contains(o.known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		o.fail(name, "unknown option%s", didYouMean(name, o.known[1:]))
	}
	return errors.Join(o.errs...)
}

func toNumber(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// describe names a YAML value for a message.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("the text %q", v)
	case int, int64, uint64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return fmt.Sprintf("%T", v)
}

// didYouMean suggests the closest of some names, or nothing when none is close.
func didYouMean(name string, known []string) string {
	best, at := 3+len(name)/6, ""
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < best {
			best, at = d, k
		}
	}
	if at == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", at)
}

// distance counts the insertions, deletions, changes and swaps of neighbours from a to b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	var before2 []int
	for i := 1; i <= len(a); i++ {
		before2, before, row = before, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before2[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
