package nlu

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Check reports the problems of a pipeline that can be found without data: unknown components and options, wrong types,
// a component that lacks one before it. The errors are ConfigErrors, joined, in the order of the pipeline.
func Check(configs []Config) error {
	_, err := build(configs, "")
	return err
}

// CheckLanguage reports the components that cannot do a language, and those that need a table of its vectors that is not there.
func CheckLanguage(configs []Config, language string) error {
	var errs []error
	for _, cfg := range configs {
		name := className(cfg.Name)
		if f, ok := foreigners()[name]; ok {
			if problem := f.missing(cfg, language); problem != "" {
				errs = append(errs, &ConfigError{Component: cfg.Name, File: cfg.File, Line: cfg.Line, Problem: problem})
			}
			continue
		}
		e, ok := table()[name]
		if !ok {
			continue
		}
		if slices.Contains(e.refuses, language) || len(e.only) > 0 && !slices.Contains(e.only, language) {
			errs = append(errs, &ConfigError{
				Component: cfg.Name, File: cfg.File, Line: cfg.Line, Order: true,
				Problem: fmt.Sprintf("does not support the language %q", language),
			})
		}
	}
	return errors.Join(errs...)
}

// build makes the components of a pipeline and binds them to each other.
func build(configs []Config, language string) ([]component, error) {
	var errs []error
	components := make([]component, 0, len(configs))
	have := map[kind]bool{}
	aliases := map[string]string{}
	tokenizer := ""
	for _, cfg := range configs {
		e, err := find(cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		cfg.Name = className(cfg.Name)
		fail := func(order bool, format string, args ...any) {
			errs = append(errs, &ConfigError{Component: cfg.Name, File: cfg.File, Line: cfg.Line, Order: order, Problem: fmt.Sprintf(format, args...)})
		}
		o := newOptions(cfg)
		c := e.build(o)
		if err := o.finish(); err != nil {
			errs = append(errs, err)
		}
		for _, need := range e.needs {
			if !have[need] {
				fail(true, "needs %s before it in the pipeline", need)
			}
		}
		if e.kind == kindTokenizer {
			if tokenizer != "" {
				fail(false, "a pipeline has one tokenizer; %s stands before it", tokenizer)
			}
			tokenizer = cfg.Name
		}
		if alias, ok := cfg.Options["alias"].(string); ok && e.kind == kindFeaturizer {
			if other, twice := aliases[alias]; twice {
				fail(false, "the alias %q is taken by %s before it", alias, other)
			}
			aliases[alias] = cfg.Name
		}
		have[e.kind] = true
		if s, ok := c.(speaker); ok {
			s.setLanguage(language)
		}
		if b, ok := c.(bound); ok {
			b.bind(components)
		}
		components = append(components, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return components, nil
}

// String names a kind for a message.
func (k kind) String() string {
	switch k {
	case kindTokenizer:
		return "a tokenizer"
	case kindFeaturizer:
		return "a featurizer"
	case kindClassifier:
		return "an intent classifier"
	case kindOther:
	}
	return "another component"
}

func sorted(names []string) []string {
	slices.SortFunc(names, strings.Compare)
	return names
}
