package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/nlu"
	"parley/policy"
)

// CheckRecipe checks the configuration by itself and against the data that it is to learn from (Rasa 3.6.21
// graph_components/validators/default_recipe_validator.py, spec project-files §2.14). An error is what stops a training, a warning
// what is left unused.
func CheckRecipe(p *Project, want Training) []Problem {
	var r report
	pipeline, policies := p.Config.Pipeline, p.Config.Policies
	if want.NLU {
		switch {
		case pipeline == nil:
			pipeline = nlu.DefaultPipeline()
		case len(pipeline) == 0 && !want.Core:
			r.add(Problem{
				File: p.Config.File, Line: p.Config.line("pipeline"), Severity: SeverityError, Class: classConfig, Code: "empty-pipeline",
				Message: "the pipeline is empty: there is nothing to train", Hint: "add components, or leave the key out for the default pipeline",
			})
		}
		r.addAll(nlu.Check(pipeline))
		r.addAll(nlu.CheckLanguage(pipeline, p.Config.Language))
		for _, w := range unusedData(p, pipeline) {
			r.add(w)
		}
	}
	if want.Core {
		if policies == nil {
			policies = policy.DefaultPolicies()
		}
		r.addAll(policy.Check(policies, p.Domain))
		for _, message := range policy.Advice(policies, p.Domain, p.Steps) {
			r.add(Problem{File: p.Config.File, Line: p.Config.line("policies"), Mark: Mark{Text: "policies"}, Severity: SeverityWarning, Code: "policy-choice", Message: message})
		}
	}
	return append([]Problem(r.errors), r.warnings...)
}

// line is where a key of the top level stands in the file; 0 if it does not.
func (c *Config) line(key string) int {
	number := 0
	for line := range bytes.Lines(c.Raw) {
		number++
		if bytes.HasPrefix(line, []byte(key+":")) {
			return number
		}
	}
	return 0
}

// addAll files the errors that another package found in a configuration.
func (r *report) addAll(err error) {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, e := range several.Unwrap() {
			r.addAll(e)
		}
		return
	}
	p := Problem{Severity: SeverityError, Class: classConfig, Code: "bad-config"}
	var component *nlu.ConfigError
	var rule *policy.Error
	switch {
	case err == nil:
		return
	case errors.As(err, &component):
		p.File, p.Line = component.File, component.Line
		p.Mark.Text = component.Component
		bare := *component
		bare.File = ""
		p.Message = bare.Error()
		if component.Order {
			p.Class = classGraph
		}
	case errors.As(err, &rule):
		p.File, p.Line, p.Message = rule.File, rule.Line, rule.Message
		switch {
		case errors.Is(rule.Class, policy.ErrInvalidDomain):
			p.Class = classDomain
		case errors.Is(rule.Class, policy.ErrInvalidRule):
			p.Class, p.Code = classRule, "bad-rule"
		}
	default:
		p.Message = err.Error()
	}
	r.add(p)
}

// CheckRules finds what stops the training of the RulePolicy: rules that contradict each other or a story, that are incomplete, or
// that have several messages of the user. The error is that of ctx.
func CheckRules(ctx context.Context, p *Project) ([]Problem, error) {
	var r report
	policies := p.Config.Policies
	if policies == nil {
		policies = policy.DefaultPolicies()
	}
	var err error
	if policy.Check(policies, p.Domain) == nil { // else CheckRecipe says what is wrong with them
		err = policy.CheckRules(ctx, policies, p.Domain, p.Steps)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.addAll(err)
	return r.errors, nil
}

// The components that read a kind of training data.
var (
	trainedExtractors = []string{"DIETClassifier", "CRFEntityExtractor", "MitieEntityExtractor"}
	roleExtractors    = []string{"DIETClassifier", "CRFEntityExtractor"}
	patternReaders    = []string{"RegexFeaturizer", "RegexEntityExtractor"}
)

// TrainingWarnings are what a user should know before a training that learns to understand: data that no component of the pipeline
// reads, and data too small to learn from.
func TrainingWarnings(p *Project) []Problem {
	pipeline := p.Config.Pipeline
	if pipeline == nil {
		pipeline = nlu.DefaultPipeline()
	}
	return append(unusedData(p, pipeline), fewExamples(p)...)
}

// unusedData finds data that no component of the pipeline reads, and components that read the same.
func unusedData(p *Project, pipeline []nlu.Config) []Problem {
	var r report
	names := map[string]bool{}
	for _, c := range pipeline {
		names[c.Name[strings.LastIndexByte(c.Name, '.')+1:]] = true
	}
	among := func(list ...string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return !names[name] })
	}
	warn := func(code, hint, format string, args ...any) {
		r.add(Problem{
			File: p.Config.File, Line: p.Config.line("pipeline"), Mark: Mark{Text: "pipeline"}, Severity: SeverityWarning, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...),
		})
	}
	used := dataKinds(&p.NLU)
	if used.responses && !names["ResponseSelector"] {
		warn("unused-data", "add ResponseSelector", "there are examples of retrieval intents, but the pipeline has no ResponseSelector")
	}
	if len(used.entities) > 0 && len(among(trainedExtractors...)) == 0 {
		warn("unused-data", "add DIETClassifier", "there are annotated entities, but the pipeline has no extractor that learns from them")
	}
	if used.roles && len(among(roleExtractors...)) == 0 {
		warn("unused-data", "add DIETClassifier or CRFEntityExtractor", "there are entities with roles or groups, but the pipeline has no extractor that learns them")
	}
	if len(p.NLU.Regexes) > 0 && len(among(patternReaders...)) == 0 {
		warn("unused-data", "add RegexFeaturizer or RegexEntityExtractor", "there are regular expressions, but the pipeline has no component that reads them")
	}
	if len(p.NLU.Lookups) > 0 && len(among(patternReaders...)) == 0 {
		warn("unused-data", "add RegexFeaturizer or RegexEntityExtractor", "there are lookup tables, but the pipeline has no component that reads them")
	} else if len(p.NLU.Lookups) > 0 && len(among("RegexEntityExtractor", "DIETClassifier", "CRFEntityExtractor")) == 0 {
		warn("unused-data", "add DIETClassifier or CRFEntityExtractor", "there are lookup tables, but the pipeline has no component that uses what RegexFeaturizer makes of them")
	}
	for _, c := range pipeline {
		if len(p.NLU.Lookups) > 0 && strings.HasSuffix(c.Name, "CRFEntityExtractor") && !hasPatternFeature(c.Options) {
			warn("unused-data", "add pattern to its features", "there are lookup tables, but the features of CRFEntityExtractor lack pattern")
		}
	}
	if len(p.NLU.Synonyms) > 0 && !names["EntitySynonymMapper"] {
		warn("unused-data", "add EntitySynonymMapper", "there are synonyms, but the pipeline has no EntitySynonymMapper")
	}
	learned := slices.DeleteFunc(among(trainedExtractors...), func(name string) bool {
		return slices.ContainsFunc(pipeline, func(c nlu.Config) bool {
			return strings.HasSuffix(c.Name, name) && c.Options["entity_recognition"] == false
		})
	})
	if len(learned) > 1 {
		warn("competing-extractors", "keep one", "%s learn the same entities: each may find them", strings.Join(learned, " and "))
	}
	if len(learned) > 0 && names["RegexEntityExtractor"] {
		if both := used.patterns(&p.NLU); len(both) > 0 {
			warn("competing-extractors", "give the regular expressions other names, or annotate these entities no more",
				"%s and RegexEntityExtractor both find the entities %s", strings.Join(learned, ", "), strings.Join(both, ", "))
		}
	}
	for _, c := range pipeline {
		if c.Options["model_confidence"] == "linear_norm" || c.Options["constrain_similarities"] == false {
			r.add(Problem{
				File: c.File, Line: c.Line, Severity: SeverityWarning, Code: "unconstrained-similarities", Hint: "write constrain_similarities: true",
				Message: c.Name + " is meant to be used with constrain_similarities",
			})
		}
	}
	return r.warnings
}

// hasPatternFeature reports whether the features of CRFEntityExtractor, the default ones if none are given, contain pattern.
func hasPatternFeature(options map[string]any) bool {
	features, ok := options["features"].([]any)
	if !ok {
		return true
	}
	return slices.ContainsFunc(features, func(list any) bool {
		names, _ := list.([]any)
		return slices.Contains(names, any("pattern"))
	})
}

// kinds are the kinds of data that examples hold.
type kinds struct {
	responses, roles bool
	entities         map[string]bool
}

func dataKinds(d *nlu.TrainingData) kinds {
	k := kinds{entities: map[string]bool{}}
	for i := range d.Examples {
		e := &d.Examples[i]
		k.responses = k.responses || e.ResponseKey != ""
		for j := range e.Entities {
			k.entities[e.Entities[j].Entity] = true
			k.roles = k.roles || e.Entities[j].Role != "" || e.Entities[j].Group != ""
		}
	}
	return k
}

// patterns are the annotated entities for which there are regular expressions too.
func (k kinds) patterns(d *nlu.TrainingData) []string {
	both := map[string]bool{}
	for _, r := range d.Regexes {
		both[r.Name] = k.entities[r.Name]
	}
	maps.DeleteFunc(both, func(_ string, annotated bool) bool { return !annotated })
	return sortedKeys(both)
}

// fewExamples finds intents, entities, roles and groups with a single example, and retrieval intents without a response (spec
// project-files §2.6).
func fewExamples(p *Project) []Problem {
	var r report
	type label struct{ kind, name string }
	counts, first := map[label]int{}, map[label]int{}
	var order []label
	count := func(kind, name string, i int) {
		l := label{kind, name}
		if name == "" {
			return
		}
		if counts[l]++; counts[l] == 1 {
			first[l] = i
			order = append(order, l)
		}
	}
	keys := map[string]bool{}
	for i := range p.NLU.Examples {
		e := &p.NLU.Examples[i]
		count("intent", e.Intent, i)
		for j := range e.Entities {
			count("entity", e.Entities[j].Entity, i)
			count("role", e.Entities[j].Role, i)
			count("group", e.Entities[j].Group, i)
		}
		if e.ResponseKey != "" && !keys[e.ResponseKey] && len(p.NLU.Responses["utter_"+e.ResponseKey]) == 0 {
			r.add(Problem{
				File: e.File, Line: e.Line, Severity: SeverityWarning, Code: "missing-response", Hint: "add it to the responses",
				Message: fmt.Sprintf("the retrieval intent %q has no response utter_%s", e.ResponseKey, e.ResponseKey),
			})
		}
		keys[e.ResponseKey] = true
	}
	for _, l := range order {
		if e := &p.NLU.Examples[first[l]]; counts[l] < 2 {
			r.add(Problem{
				File: e.File, Line: e.Line, Severity: SeverityWarning, Code: "few-examples", Hint: "add more",
				Message: fmt.Sprintf("the %s %q has one example only: at least two are needed to learn it", l.kind, l.name),
			})
		}
	}
	return r.warnings
}
