package nlu

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/dialogue"
)

// Shortcut reads a text of the form /intent@0.9{"entity": "value"} (Rasa: RegexMessageHandler). ok is false when the text is
// no shortcut or names an intent that the domain lacks: then what the pipeline found stays. Without a domain (a model of
// NLU alone) every intent and entity passes. Warnings say what was dropped.
//
// The form is ^/([^{@]+)(@[0-9.]+)?({.+})?(.*) with a dot that stops at the end of a line.
func Shortcut(text string, d *dialogue.Domain) (p dialogue.Parse, ok bool, warnings []string) {
	text = strings.TrimFunc(text, pythonSpace)
	if !strings.HasPrefix(text, "/") {
		return p, false, nil
	}
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	nameEnd := strings.IndexAny(text, "{@")
	if nameEnd < 0 {
		nameEnd = len(text)
	}
	if nameEnd == 1 {
		warn("cannot read an intent from %q", text)
		return p, false, warnings
	}
	name := strings.TrimFunc(text[1:nameEnd], pythonSpace)
	if d != nil && !hasIntent(d, name) {
		warn("%q: the domain has no intent %q; it is taken as a text", text, name)
		return p, false, warnings
	}
	at := nameEnd
	confidence := 1.0
	if at < len(text) && text[at] == '@' {
		end := at + 1
		for end < len(text) && ('0' <= text[end] && text[end] <= '9' || text[end] == '.') {
			end++
		}
		if end > at+1 {
			value, err := strconv.ParseFloat(text[at+1:end], 64)
			switch {
			case err != nil && !errors.Is(err, strconv.ErrRange):
				warn("%q: the confidence %s is not a number; 0 is taken", text, text[at+1:end])
				value = 0
			case value > 1:
				warn("%q: the confidence %s is above 1; 1 is taken", text, text[at+1:end])
				value = 1
			}
			confidence = value
			at = end
		}
	}
	entities := []dialogue.Entity{}
	if at < len(text) && text[at] == '{' {
		line := text[at:]
		if end := strings.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		if end := strings.LastIndexByte(line, '}'); end > 1 {
			object := line[:end+1]
			start := utf8.RuneCountInString(text[:at])
			stop := start + utf8.RuneCountInString(object)
			fields, err := shortcutEntities(object)
			if err != nil {
				warn("%q: the entities are not a JSON object: %v", text, err)
			}
			for _, f := range fields {
				if d != nil && !d.HasEntity(f.name) {
					warn("%q: the domain has no entity %q", text, f.name)
					continue
				}
				values, isList := f.value.([]any)
				if !isList {
					values = []any{f.value}
				}
				for _, v := range values {
					entities = append(entities, dialogue.Entity{Entity: f.name, Value: v, Start: start, End: stop, Extractor: "RegexMessageHandler"})
				}
			}
			at += len(object)
		}
	}
	rest := text[at:]
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	if rest != "" {
		warn("%q: %q is not understood and is left out", text, rest)
	}
	intent := dialogue.Intent{Name: name, Confidence: confidence}
	return dialogue.Parse{Text: &text, Intent: intent, Entities: entities, Ranking: []dialogue.Intent{intent}}, true, warnings
}

func hasIntent(d *dialogue.Domain, name string) bool {
	_, ok := d.Intent(name)
	return ok
}

// field is one member of a JSON object.
type field struct {
	name  string
	value any
}

// shortcutEntities reads a JSON object, its members in written order; of members with one name the last value counts, in
// the place of the first.
func shortcutEntities(object string) ([]field, error) {
	source := strings.NewReader(object)
	dec := json.NewDecoder(source)
	dec.UseNumber()
	if !utf8.ValidString(object) {
		return nil, errors.New("not UTF-8")
	}
	if _, err := dec.Token(); err != nil { // the opening brace
		return nil, err
	}
	var fields []field
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("%v is not a name", key)
		}
		var raw any
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		value, err := plain(raw)
		if err != nil {
			return nil, err
		}
		found := false
		for i := range fields {
			if fields[i].name == name {
				fields[i].value, found = value, true
			}
		}
		if !found {
			fields = append(fields, field{name, value})
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, err
	}
	rest, err := io.ReadAll(io.MultiReader(dec.Buffered(), source))
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("more than one value")
	}
	return fields, nil
}

// plain turns numbers into int, or float64 if they are written with a fraction or do not fit.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return nil, fmt.Errorf("the number %s is too large", v)
		}
		return f, nil
	case []any:
		for i := range v {
			e, err := plain(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = e
		}
	case map[string]any:
		for k := range v {
			e, err := plain(v[k])
			if err != nil {
				return nil, err
			}
			v[k] = e
		}
	}
	return v, nil
}
