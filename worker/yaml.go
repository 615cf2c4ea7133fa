package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/dialogue"
)

// field is one key of an object whose keys keep their order.
type field struct {
	key   string
	value any
}

// fields is an object whose keys keep their order.
type fields []field

// orderedJSON reads JSON with the keys of objects in their order; numbers stay as they are written.
func orderedJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return orderedValue(d)
}

func orderedValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		object := fields{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("read JSON: %w", err)
			}
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			object = append(object, field{name, v})
		}
		_, err = d.Token()
		return object, err
	}
	return t, nil
}

// appendYAML writes an object as a YAML document in block style.
func appendYAML(b []byte, object fields) []byte {
	for _, f := range object {
		b = appendYAMLString(b, f.key)
		b = appendYAMLValue(append(b, ':'), f.value, 0)
	}
	return b
}

// appendYAMLValue writes what stands behind a colon: a scalar on the same line, or a block below, indented by depth (lists) or
// by two more (objects).
func appendYAMLValue(b []byte, v any, depth int) []byte {
	v = ordered(v)
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return append(b, " []\n"...)
		}
		b = append(b, '\n')
		for _, item := range v {
			b = appendIndent(b, depth)
			b = appendYAMLItem(append(b, '-'), item, depth)
		}
		return b
	case fields:
		if len(v) == 0 {
			return append(b, " {}\n"...)
		}
		b = append(b, '\n')
		return appendYAMLFields(b, v, depth+2, true)
	}
	b = appendYAMLScalar(append(b, ' '), v)
	return append(b, '\n')
}

// appendYAMLItem writes what stands behind a dash.
func appendYAMLItem(b []byte, v any, depth int) []byte {
	v = ordered(v)
	switch v := v.(type) {
	case fields:
		if len(v) > 0 {
			return appendYAMLFields(append(b, ' '), v, depth+2, false)
		}
	case []any:
		if len(v) > 0 {
			for i, item := range v {
				if i == 0 {
					b = append(b, ' ')
				} else {
					b = appendIndent(b, depth+2)
				}
				b = appendYAMLItem(append(b, '-'), item, depth+2)
			}
			return b
		}
	}
	return appendYAMLValue(b, v, depth)
}

func appendYAMLFields(b []byte, object fields, depth int, indentFirst bool) []byte {
	for i, f := range object {
		if i > 0 || indentFirst {
			b = appendIndent(b, depth)
		}
		b = appendYAMLString(b, f.key)
		b = appendYAMLValue(append(b, ':'), f.value, depth)
	}
	return b
}

// ordered gives the keys of a plain object an order.
func ordered(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	object := make(fields, 0, len(m))
	for k, v := range m {
		object = append(object, field{k, v})
	}
	slices.SortFunc(object, func(a, b field) int { return strings.Compare(a.key, b.key) })
	return object
}

func appendIndent(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}

func appendYAMLScalar(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendYAMLString(b, v)
	case json.Number:
		return append(b, v...)
	}
	return dialogue.AppendJSON(b, v) // null, true, 5, 0.5
}

// plainYAML is what can stand without quotes, unless YAML would read it as something else than a string.
var (
	plainYAML   = regexp.MustCompile(`^[^\s\-?:,\[\]{}#&*!|>'"%@` + "`" + `\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$`)
	specialYAML = regexp.MustCompile(`^(?i:~|null|true|false|yes|no|on|off|y|n|=|<<|[-+]?(\.[0-9]+|[0-9_]+(\.[0-9_]*)?)(e[-+]?[0-9]+)?|0x[0-9a-f_]+|0o?[0-7_]+|0b[01_]+|[-+]?\.(inf)|\.nan|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$`)
)

// appendYAMLString writes a string as the reference's library does: plain if it can be, else in single quotes, else escaped.
func appendYAMLString(b []byte, s string) []byte {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r <= 0x9f || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}):
		return appendEscaped(b, s)
	case startsPlain(s) && !specialYAML.MatchString(s) && !strings.Contains(s, ": ") && !strings.Contains(s, " #") &&
		!strings.HasSuffix(s, " ") && !strings.HasSuffix(s, ":"):
		return append(b, s...)
	}
	b = append(b, '\'')
	b = append(b, strings.ReplaceAll(s, "'", "''")...)
	return append(b, '\'')
}

// startsPlain reports whether the first characters of a string let it stand without quotes.
func startsPlain(s string) bool {
	if plainYAML.MatchString(s) {
		return true
	}
	// A dash, colon or question mark may begin a plain string when no space follows.
	return len(s) > 1 && strings.ContainsRune("-?:", rune(s[0])) && s[1] != ' ' && s != "---"
}

func appendEscaped(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r < ' ' || r >= 0x7f && r <= 0x9f:
			b = append(b, fmt.Sprintf(`\x%02x`, r)...)
		case r == 0x2028 || r == 0x2029 || r == 0xfeff:
			b = append(b, fmt.Sprintf(`\u%04x`, r)...)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

// appendYAMLBlock writes a literal block, its lines indented.
func appendYAMLBlock(b []byte, s string, depth int) []byte {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f }) {
		return append(appendEscaped(b, s), '\n')
	}
	b = append(b, '|')
	if s[0] == ' ' || s[0] == '\n' {
		b = strconv.AppendInt(b, 2, 10)
	}
	switch {
	case !strings.HasSuffix(s, "\n"):
		b = append(b, '-')
	case strings.HasSuffix(s, "\n\n"), s == "\n":
		b = append(b, '+')
	}
	b = append(b, '\n')
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		if line != "" {
			b = appendIndent(b, depth)
			b = append(b, line...)
		}
		b = append(b, '\n')
	}
	return b
}
