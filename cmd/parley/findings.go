package main

import (
	"context"
	"errors"
	"slices"

	"parley/policy"
	"parley/project"
)

// checkOptions say what a validation looks at, and what makes it fail.
type checkOptions struct {
	strict      bool // warnings that count fail it, too
	maxHistory  int  // 0: whole stories
	storiesOnly bool
	training    bool // a training follows, which makes some of the checks itself
}

// findings are what was found in a project. Those of loading never fail a validation, as in Rasa: they are errors only where nothing
// could be loaded.
type findings struct {
	problems []project.Problem
	failed   int // how many of them fail the validation
}

// add adds problems and counts those that make the validation fail.
func (f *findings) add(problems []project.Problem, fails func(*project.Problem) bool) {
	for i := range problems {
		if fails(&problems[i]) {
			f.failed++
		}
	}
	f.problems = append(f.problems, problems...)
}

// count is the number of problems of a severity.
func (f *findings) count(severity string) int {
	n := 0
	for i := range f.problems {
		if f.problems[i].Severity == severity {
			n++
		}
	}
	return n
}

func isError(p *project.Problem) bool { return p.Severity == project.SeverityError }
func never(*project.Problem) bool     { return false }

// check validates a loaded project. The error is that of ctx.
func (a *app) check(ctx context.Context, p *project.Project, o checkOptions) (*findings, error) {
	a.log.Info("validating the project")
	f := &findings{}
	f.add(p.Warnings, never)
	fails := func(p *project.Problem) bool { return isError(p) || o.strict && p.Severity == project.SeverityWarning }
	if !o.storiesOnly {
		f.add(project.Validate(p), fails)
	}
	conflicts, err := policy.Conflicts(ctx, p.Domain, p.Steps, o.maxHistory)
	if err != nil {
		return nil, err
	}
	for i := range conflicts {
		at := &conflicts[i].Next[0]
		f.add([]project.Problem{{
			File: at.File, Line: at.Line, Severity: project.SeverityWarning, Code: "story-conflict", Message: conflicts[i].String(),
			Hint: "what to do there cannot be learned: change one of them, or let something tell them apart, such as a slot",
		}}, fails)
	}
	if o.storiesOnly || o.training || slices.ContainsFunc(f.problems, func(p project.Problem) bool { return p.Code == "empty-domain" }) {
		return f, nil
	}
	ahead := append(project.CheckRecipe(p, project.Training{NLU: true, Core: true}), project.TrainingWarnings(p)...)
	rules, err := project.CheckRules(ctx, p)
	if err != nil {
		return nil, err
	}
	f.add(notes(append(ahead, rules...)), never)
	return f, nil
}

// notes makes notes of what a training will say. Rasa's validation does not look at it, so it fails none here.
func notes(problems []project.Problem) []project.Problem {
	var out []project.Problem
	for _, p := range problems {
		if isError(&p) {
			p.Message = "training will stop at this: " + p.Message
		}
		p.Severity = project.SeverityNote
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// unloadable are the findings of a project that could not be loaded; nil for an error that is not about its files.
func unloadable(err error) *findings {
	f := &findings{}
	var several project.Problems
	if load, ok := errors.AsType[*project.LoadError](err); ok {
		f.add(load.Warnings, never)
	}
	if one, ok := errors.AsType[*project.Problem](err); ok && !errors.As(err, &several) {
		several = project.Problems{*one}
	}
	f.add(several, isError)
	if f.failed == 0 {
		return nil
	}
	return f
}
