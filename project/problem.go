package project

import (
	"fmt"
	"strings"
)

// Severities of a Problem.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// Names of the reference's errors, which its command line prints before the message.
const (
	classSyntax       = "YamlSyntaxException"
	classValidation   = "YamlValidationException"
	classDomain       = "InvalidDomain"
	classSlotType     = "InvalidSlotTypeException"
	classSlotConfig   = "InvalidSlotConfigError"
	classRasa         = "RasaException"
	classFileIO       = "FileIOException"
	classFileNotFound = "FileNotFoundException"
	classEntityFormat = "InvalidEntityFormatException"
	classSchema       = "SchemaValidationError"
	classConfig       = "InvalidConfigException"
	classRecipe       = "InvalidRecipeException"
	classValue        = "ValueError"
	classStoryParse   = "StoryParseError"
	classGraph        = "GraphSchemaValidationException"
	classRule         = "InvalidRule"
)

// Problem is something wrong in a project's files. As an error it prints file:line: message.
type Problem struct {
	File     string
	Line     int // 0: unknown
	Mark     Mark
	Severity string // "error" or "warning"
	Code     string // short name of the check, e.g. "unknown-action"
	Class    string // name of the reference's error, e.g. "YamlValidationException"; "" for a warning
	Path     string // where in the document, e.g. "/slots/city/mappings/0"; "" when that says nothing
	Message  string
	Hint     string
}

// Mark is what a caret points at: a text in a line. Without a text it is the rest of the line from the column on, without a
// column all of the line, without a line that of the problem.
type Mark struct {
	Line   int
	Column int // in characters, from 1
	Text   string
}

// Error prints file:line: message (hint).
func (p *Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Path != "" {
		fmt.Fprintf(&b, " at %s", p.Path)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// Problems are several as one error.
type Problems []Problem

// Error prints one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems to errors.As.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i := range p {
		errs[i] = &p[i]
	}
	return errs
}

// maxProblems bounds what one load collects: more of them help nobody.
const (
	maxProblems = 200
	maxWarnings = 10_000
)

// report collects the problems of one load.
type report struct {
	errors   Problems
	warnings Problems
	warned   map[Problem]bool
}

// add files a problem under its severity.
func (r *report) add(p Problem) {
	if p.Severity == SeverityWarning {
		if r.warned[p] || len(r.warnings) >= maxWarnings {
			return
		}
		if r.warned == nil {
			r.warned = map[Problem]bool{}
		}
		r.warned[p] = true
		r.warnings = append(r.warnings, p)
		return
	}
	p.Severity = SeverityError
	if len(r.errors) < maxProblems {
		r.errors = append(r.errors, p)
	}
}

// err is the collected errors as one error, nil if there are none.
func (r *report) err() error {
	if len(r.errors) == 0 {
		return nil
	}
	return r.errors
}

// at fills in where a node stands.
func at(n *node, p Problem) Problem {
	if n != nil {
		if n.src != nil {
			p.File = n.src.name
		}
		p.Line = int(n.line)
		p.Mark = n.mark()
	}
	return p
}

// mark is the place of a node itself. What a file does not hold, or has on several lines, has no text.
func (n *node) mark() Mark {
	m := Mark{Line: int(n.line), Column: int(n.col)}
	if !n.isCollection() && !strings.Contains(n.str, "\n") {
		m.Text = n.str
	}
	return m
}

// errorAt reports an error at a node.
func (r *report) errorAt(n *node, class, code, hint, format string, args ...any) {
	r.add(at(n, Problem{Severity: SeverityError, Class: class, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}))
}

// warnAt reports a warning at a node.
func (r *report) warnAt(n *node, code, hint, format string, args ...any) {
	r.add(at(n, Problem{Severity: SeverityWarning, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}))
}
