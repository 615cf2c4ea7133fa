package action

import (
	"errors"
	"strconv"
	"strings"

	"parley/dialogue"
)

// errTemplate is wrapped by the errors of templates that Python's str.format refuses, such as one with a single brace.
var errTemplate = errors.New("invalid template")

// template is a text with placeholders, filled as the reference does (core/nlg/interpolator.py): each {name} becomes {0[name]},
// the result goes through Python's str.format. What that comes to is worked out once, here:
//
//   - a name that is unknown leaves the whole text as it is;
//   - doubled braces become single ones;
//   - a result with "0[" in it, which is what a doubled-brace placeholder leaves, is thrown away for the text with its braces
//     halved and nothing filled in, or for the text as it is when it also has plain placeholders;
//   - anything that str.format refuses is an error, unless an unknown name comes first.
type template struct {
	source string
	// ops is nil for a text that is always the same: source, or an error.
	ops     []op
	err     error
	instead outcome // when the filled text contains "0["
}

// outcome is a text or an error.
type outcome struct {
	text string
	err  error
}

type opKind uint8

const (
	opText    opKind = iota // add text
	opName                  // add the value of the variable text; unknown: the source is the result
	opPart                  // a part of the value of the variable text; unknown: the source is the result, else an error
	opAll                   // add all variables, as Python prints a dict
	opUnknown               // the source is the result
	opError                 // an error
)

type op struct {
	kind opKind
	text string
	err  error
}

// compileTemplate prepares a text. It never fails: a text that cannot be filled has a template that says so when it is used.
func compileTemplate(source string) *template {
	t := &template{source: source}
	if !strings.ContainsAny(source, "{}") {
		return t
	}
	t.instead = halveBraces(source)
	t.ops = compileOps(markPlaceholders(source))
	for _, o := range t.ops {
		if o.kind == opName || o.kind == opPart || o.kind == opAll {
			return t
		}
	}
	text, err := t.fill(vars{})
	t.source, t.err, t.ops = text, err, nil
	return t
}

// static reports whether the text is the same for all variables.
func (t *template) static() bool { return t.ops == nil }

// fill is the text with the variables in place.
func (t *template) fill(v vars) (string, error) {
	if t.ops == nil {
		return t.source, t.err
	}
	var room [256]byte
	out := room[:0]
	for i := range t.ops {
		switch o := &t.ops[i]; o.kind {
		case opText:
			out = append(out, o.text...)
		case opName, opPart:
			value, ok := v.value(o.text)
			if !ok {
				return t.source, nil
			}
			if o.kind == opPart {
				return "", o.err
			}
			if s, ok := value.(string); ok {
				out = append(out, s...)
			} else {
				out = append(out, dialogue.PyString(value)...)
			}
		case opAll:
			out = append(out, dialogue.PyString(v.all())...)
		case opUnknown:
			return t.source, nil
		case opError:
			return "", o.err
		}
	}
	text := string(out)
	if strings.Contains(text, "0[") {
		return t.instead.text, t.instead.err
	}
	return text, nil
}

// markPlaceholders turns each {name} into {0[name]}. A name is not empty and has no brace and no line feed.
func markPlaceholders(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '{' {
			n := strings.IndexAny(s[i+1:], "{}\n")
			if n > 0 && s[i+1+n] == '}' {
				b.WriteString("{0[")
				b.WriteString(s[i+1 : i+1+n])
				b.WriteString("]}")
				i += n + 2
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// halveBraces is str.format of a text with one empty dict as its only argument.
func halveBraces(s string) outcome {
	var b strings.Builder
	auto := 0
	for p := (formatParser{s: s}); ; {
		literal, f, err := p.next()
		if err != nil {
			return outcome{err: err}
		}
		b.WriteString(literal)
		switch {
		case f == nil && p.at >= len(s):
			return outcome{text: b.String()}
		case f == nil:
		case f.name != "" || f.more():
			return outcome{text: s} // an unknown name; with a name of digits the first pass has ended already
		default:
			if auto++; auto > 1 {
				return outcome{err: formatError("more {} than arguments")}
			}
			b.WriteString("{}")
		}
	}
}

// compileOps works out what str.format does with a marked text and the variables as its only argument.
func compileOps(s string) []op {
	ops := []op{}
	auto, manual := 0, false
	for p := (formatParser{s: s}); ; {
		if n := len(ops); n > 0 && (ops[n-1].kind == opUnknown || ops[n-1].kind == opError) {
			return ops
		}
		literal, f, err := p.next()
		if err != nil {
			return append(ops, op{kind: opError, err: err})
		}
		if literal != "" {
			if n := len(ops); n > 0 && ops[n-1].kind == opText {
				ops[n-1].text += literal
			} else {
				ops = append(ops, op{kind: opText, text: literal})
			}
		}
		if f == nil {
			if p.at >= len(s) {
				return ops
			}
			continue
		}
		first, rest := f.name, ""
		if i := strings.IndexAny(f.name, ".["); i >= 0 {
			first, rest = f.name[:i], f.name[i:]
		}
		switch {
		case first == "" && manual, isDigits(first) && auto > 0:
			ops = append(ops, op{kind: opError, err: formatError("{} beside a named placeholder")})
		case first == "":
			o := op{kind: opAll}
			if auto++; auto > 1 {
				o = op{kind: opError, err: formatError("more {} than arguments")}
			} else if rest != "" || f.more() {
				o = compileItem(rest, f.more())
			}
			ops = append(ops, o)
		case !isDigits(first):
			ops = append(ops, op{kind: opUnknown})
		case strings.Trim(first, "0") != "":
			ops = append(ops, op{kind: opError, err: formatError("more arguments than there are")})
		default:
			manual = true
			ops = append(ops, compileItem(rest, f.more()))
		}
	}
}

// compileItem is the op of {0[name]}: rest is what follows the 0.
func compileItem(rest string, more bool) op {
	if !strings.HasPrefix(rest, "[") {
		return op{kind: opError, err: formatError("an attribute of the variables")}
	}
	end := strings.IndexByte(rest, ']')
	if end < 0 {
		return op{kind: opError, err: formatError("missing ]")}
	}
	name := rest[1:end]
	if name == "" {
		return op{kind: opError, err: formatError("an empty name")}
	}
	if isDigits(name) { // Python takes it for a number, and no variable has a number for a name
		if _, err := strconv.ParseInt(name, 10, 64); err != nil {
			return op{kind: opError, err: formatError("too many digits")}
		}
		return op{kind: opUnknown}
	}
	if end < len(rest)-1 || more {
		return op{kind: opPart, text: name, err: formatError("a part of a value")}
	}
	return op{kind: opName, text: name}
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func formatError(reason string) error {
	return &templateError{reason: reason}
}

// templateError says why a template cannot be filled; it wraps errTemplate.
type templateError struct{ reason string }

func (e *templateError) Error() string { return "invalid template: " + e.reason }

func (e *templateError) Unwrap() error { return errTemplate }
