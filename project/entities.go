package project

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"parley/dialogue"
)

// An annotation is [surface](type:value), [surface]{"entity": …} or [surface][{…}, …] (spec project-files §2.3). There is no
// escape for a bracket.
type annotation struct {
	start, end int    // of the whole annotation, in bytes
	surface    string // the annotated text
	short      bool
	entity     string // short form
	value      string // short form; "" if absent
	dict       string // {…} form, with braces
	list       string // [{…}] form: what stands between the brackets
}

// annotationScanner finds annotations from left to right in linear time.
type annotationScanner struct {
	text             string
	pos              int
	noParen, noBrace bool // no ) or } follows any more
}

// next is the next annotation; ok is false at the end.
func (s *annotationScanner) next() (a annotation, ok bool) {
	closing := -1
	for s.pos < len(s.text) {
		i := strings.IndexByte(s.text[s.pos:], '[')
		if i < 0 {
			break
		}
		start := s.pos + i
		if closing <= start {
			j := strings.IndexByte(s.text[start:], ']')
			if j < 0 {
				break
			}
			closing = start + j
		}
		s.pos = start + 1
		if closing == start+1 || closing+1 >= len(s.text) {
			continue
		}
		a = annotation{start: start, surface: s.text[start+1 : closing]}
		if s.match(&a, closing+1) {
			s.pos = a.end
			return a, true
		}
	}
	s.pos = len(s.text)
	return a, false
}

// match reads what follows the surface's bracket.
func (s *annotationScanner) match(a *annotation, i int) bool {
	rest := s.text[i+1:]
	switch s.text[i] {
	case '(':
		if s.noParen {
			return false
		}
		n := strings.IndexByte(rest, ')')
		if n < 0 {
			s.noParen = true
			return false
		}
		name, value, hasValue := strings.Cut(rest[:n], ":")
		if name == "" || hasValue && value == "" {
			return false
		}
		a.short, a.entity, a.value, a.end = true, name, value, i+1+n+1
		return true
	case '{':
		if s.noBrace {
			return false
		}
		n := strings.IndexByte(rest, '}')
		if n < 0 {
			s.noBrace = true
		}
		if n < 1 {
			return false
		}
		a.dict, a.end = s.text[i:i+1+n+1], i+1+n+1
		return true
	case '[':
		n := strings.IndexAny(rest, "]\n")
		if n < 0 || rest[n] == '\n' {
			return false
		}
		a.list, a.end = rest[:n], i+1+n+1
		return true
	}
	return false
}

// annotationError is a dict annotation that is no entity.
type annotationError struct {
	class string
	err   error
}

func (e *annotationError) Error() string { return e.err.Error() }
func (e *annotationError) Unwrap() error { return e.err }

// parseAnnotations takes the annotations out of a text. Offsets count code points of the plain text. The error is an
// *annotationError.
func parseAnnotations(text string) (plain string, entities []dialogue.Entity, err error) {
	if !strings.Contains(text, "]") {
		return text, nil, nil
	}
	scanner := annotationScanner{text: text}
	var b strings.Builder
	last, runes := 0, 0
	for a, ok := scanner.next(); ok; a, ok = scanner.next() {
		b.WriteString(text[last:a.start])
		runes += utf8.RuneCountInString(text[last:a.start])
		start := runes
		b.WriteString(a.surface)
		runes += utf8.RuneCountInString(a.surface)
		last = a.end
		base := dialogue.Entity{Start: start, End: runes, Value: a.surface}
		switch {
		case a.short:
			base.Entity = a.entity
			if a.value != "" {
				base.Value = a.value
			}
			entities = append(entities, base)
		case a.dict != "":
			if err := readAnnotation(&base, a.dict); err != nil {
				return "", nil, err
			}
			entities = append(entities, base)
		default:
			if entities, err = appendListed(entities, base, a.list); err != nil {
				return "", nil, err
			}
		}
	}
	if last == 0 {
		return text, nil, nil
	}
	b.WriteString(text[last:])
	return b.String(), entities, nil
}

// appendListed adds the entities of a list annotation: every {…} in it.
func appendListed(entities []dialogue.Entity, base dialogue.Entity, list string) ([]dialogue.Entity, error) {
	for {
		i := strings.IndexByte(list, '{')
		if i < 0 {
			return entities, nil
		}
		n := strings.IndexByte(list[i:], '}')
		if n < 0 {
			return entities, nil
		}
		if n == 1 {
			list = list[i+1:]
			continue
		}
		e := base
		if err := readAnnotation(&e, list[i:i+n+1]); err != nil {
			return nil, err
		}
		entities = append(entities, e)
		list = list[i+n+1:]
	}
}

// readAnnotation reads the JSON object of an annotation into an entity.
func readAnnotation(e *dialogue.Entity, dict string) error {
	n, err := parseJSON(&source{}, []byte(dict))
	if err != nil {
		if p, ok := errors.AsType[*Problem](err); ok {
			err = errors.New(p.Message)
		}
		return &annotationError{classEntityFormat, fmt.Errorf("the annotation %s is no JSON object: %w", dict, err)}
	}
	bad := func(format string, args ...any) error {
		return &annotationError{classSchema, fmt.Errorf("the annotation %s "+format, append([]any{dict}, args...)...)}
	}
	if !n.has("entity") {
		return bad("lacks the key %q", "entity")
	}
	for _, key := range []string{"entity", "role", "group"} {
		if v := n.get(key); v != nil && !v.isText() {
			return bad("needs a text as %s, not %s", key, v.describe())
		}
	}
	e.Entity, e.Role, e.Group = n.get("entity").str, plainText(n.get("role")), plainText(n.get("group"))
	switch v := n.get("value"); {
	case v == nil:
	case v.kind == kindString, v.kind == kindInt, v.kind == kindFloat:
		e.Value = v.value()
	default:
		return bad("needs a text or a number as value, not %s (%s)", v.describe(), rawJSON(nil, v))
	}
	return nil
}
