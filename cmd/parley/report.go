package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/project"
)

// The forms in which a validation tells what it found.
const (
	formatText  = "text"
	formatJSON  = "json"
	formatSARIF = "sarif"
)

var reportFormats = []string{formatText, formatJSON, formatSARIF} //nolint:gochecknoglobals // a constant list

// shownAlike is how many problems of one kind are printed; the rest is counted.
const shownAlike = 50

// printProblems prints problems on standard error, each with its line and a caret under the place.
func (a *app) printProblems(problems []project.Problem) {
	var x project.Excerpts
	shown := map[string]int{}
	for i := range problems {
		p := &problems[i]
		kind := p.Severity + " " + p.Code
		if shown[kind]++; shown[kind] > shownAlike {
			continue
		}
		a.problem(p)
		if e := x.Excerpt(p); e != "" {
			_, _ = fmt.Fprintln(a.err, e)
		}
	}
	var more []string
	for kind, n := range shown {
		if n > shownAlike {
			severity, code, _ := strings.Cut(kind, " ")
			more = append(more, fmt.Sprintf("%s: and %d more of %s; --format json lists all", severity, n-shownAlike, code))
		}
	}
	slices.Sort(more)
	for _, line := range more {
		_, _ = fmt.Fprintln(a.err, line)
	}
}

// report writes findings as data.
func (a *app) report(w io.Writer, format string, f *findings) error {
	var v any = jsonReport(f)
	if format == formatSARIF {
		v = sarifLog(f)
	}
	return printJSON(w, v)
}

// reported is a problem in the JSON report.
type reported struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"` // that the message names
	Place    *spot  `json:"place,omitempty"`
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Class    string `json:"class,omitempty"`
	Path     string `json:"path,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// spot is the exact place of a problem: columns count characters from 1, the last one is the one behind it.
type spot struct {
	Line      int `json:"line"`
	Column    int `json:"column"`
	EndColumn int `json:"end_column"`
}

// jsonFindings is the JSON report.
type jsonFindings struct {
	Valid    bool       `json:"valid"`
	Errors   int        `json:"errors"`
	Warnings int        `json:"warnings"`
	Notes    int        `json:"notes"`
	Problems []reported `json:"problems"`
}

func jsonReport(f *findings) jsonFindings {
	var x project.Excerpts
	r := jsonFindings{
		Valid: f.failed == 0, Errors: f.count(project.SeverityError), Warnings: f.count(project.SeverityWarning),
		Notes: f.count(project.SeverityNote), Problems: []reported{},
	}
	for i := range f.problems {
		p := &f.problems[i]
		one := reported{
			File: p.File, Line: p.Line, Severity: p.Severity, Code: p.Code, Class: p.Class, Path: p.Path, Message: p.Message, Hint: p.Hint,
		}
		if s, ok := x.Span(p); ok {
			one.Place = &spot{s.Line, s.Start, s.End}
		}
		r.Problems = append(r.Problems, one)
	}
	return r
}

// The parts of SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0) that code hosts read.
type (
	sarif struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

// sarifLog is the report for code hosts. The names of the severities are SARIF's levels.
func sarifLog(f *findings) sarif {
	var x project.Excerpts
	rules := map[string]int{}
	version, _ := buildVersion()
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "parley", Version: version, Rules: []sarifRule{}}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	for i := range f.problems {
		p := &f.problems[i]
		index, ok := rules[p.Code]
		if !ok {
			index = len(rules)
			rules[p.Code] = index
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{p.Code, sarifText{strings.ReplaceAll(p.Code, "-", " ")}})
		}
		plain := *p
		plain.File = "" // the location says it
		result := sarifResult{RuleID: p.Code, RuleIndex: index, Level: p.Severity, Message: sarifText{plain.Error()}}
		if p.File != "" {
			location := sarifLocation{sarifPhysical{Artifact: sarifArtifact{fileURI(p.File)}}}
			if s, ok := x.Span(p); ok {
				location.Physical.Region = &sarifRegion{s.Line, s.Start, s.End}
			} else if p.Line > 0 {
				location.Physical.Region = &sarifRegion{StartLine: p.Line}
			}
			result.Locations = []sarifLocation{location}
		}
		run.Results = append(run.Results, result)
	}
	return sarif{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}

// fileURI is a path as a code host wants it: relative to the working folder, if it lies below that.
func fileURI(path string) string {
	path = filepath.Clean(path)
	if filepath.IsAbs(path) {
		if dir, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
				path = rel
			}
		}
	}
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	return u.String()
}
