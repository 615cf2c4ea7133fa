package nlu

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"parley/learn"
)

// synonymMapper replaces the values of entities by the value they are a variant of.
type synonymMapper struct {
	values map[string]string // by the variant in lower case
	alone  []string          // what stands in processors when nobody else does
}

func newEntitySynonymMapper(*options) component {
	return &synonymMapper{alone: []string{"EntitySynonymMapper"}}
}

func (s *synonymMapper) train(_ context.Context, t *training) error { //nolint:unparam // as the interface wants it
	s.values = map[string]string{}
	add := func(variant, value string) {
		if variant != value {
			key := strings.ToLower(variant)
			if old, ok := s.values[key]; ok && old != value {
				t.warn("EntitySynonymMapper: %q is a synonym of both %q and %q; the latter is taken", key, old, value)
			}
			s.values[key] = value
		}
		// The value in other cases stands for the value, too.
		if key := strings.ToLower(value); s.values[key] == "" {
			s.values[key] = value
		}
	}
	for _, variant := range slices.Sorted(maps.Keys(t.data.Synonyms)) {
		add(variant, t.data.Synonyms[variant])
	}
	for i := range t.data.Examples {
		e := &t.data.Examples[i]
		for _, entity := range e.Entities {
			if start, end, ok := byteRange(e.Text, entity.Start, entity.End); ok && entity.Value != nil {
				add(e.Text[start:end], pythonText(entity.Value))
			}
		}
	}
	return nil
}

// byteRange turns a range of code points into bytes; ok is false when it is not a range of the text.
func byteRange(text string, start, end int) (from, to int, ok bool) {
	from, ok = byteOffset(text, start)
	if !ok || end < start {
		return 0, 0, false
	}
	to, ok = byteOffset(text, end)
	return from, to, ok
}

// pythonText is str(v) for the values that occur in annotations and messages.
func pythonText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case nil:
		return "None"
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(v)
}

func (s *synonymMapper) process(_ context.Context, m *message) error {
	if len(s.values) == 0 {
		return nil
	}
	for i := range m.entities {
		e := &m.entities[i]
		if value, ok := s.values[strings.ToLower(pythonText(e.Value))]; ok {
			e.Value = value
			if e.Processors == nil {
				e.Processors = s.alone[:1:1]
			} else {
				e.Processors = append(slices.Clip(e.Processors), s.alone...)
			}
		}
	}
	return nil
}

func (s *synonymMapper) save(w *learn.FileWriter) error {
	data, err := json.Marshal(s.values)
	if err != nil {
		return err
	}
	w.Bytes("synonyms", data)
	return nil
}

func (s *synonymMapper) load(f *learn.File) error {
	data, err := f.Bytes("synonyms")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &s.values); err != nil {
		return fmt.Errorf("read synonyms: %w", err)
	}
	return nil
}
