package evaluate

import (
	"cmp"
	"slices"

	"parley/dialogue"
	"parley/project"
)

// spanned is an entity of a text, as far as end-to-end tests compare it: neither role nor group count, values are texts.
type spanned struct {
	text   string
	entity dialogue.Entity
}

func spansOf(text string, entities []dialogue.Entity) []spanned {
	spans := make([]spanned, len(entities))
	for i, e := range entities {
		value := e.Value
		if _, ok := value.(string); !ok && value != nil {
			value = string(dialogue.AppendJSON(nil, value))
		}
		spans[i] = spanned{text, dialogue.Entity{Entity: e.Entity, Value: value, Start: e.Start, End: e.End}}
	}
	return spans
}

// sameSpans reports whether two lists hold the same entities, in whatever order and however often.
func sameSpans(a, b []spanned) bool {
	within := func(a, b []spanned) bool {
		return !slices.ContainsFunc(a, func(x spanned) bool {
			return !slices.ContainsFunc(b, func(y spanned) bool { return x.text == y.text && x.entity.Equal(&y.entity) })
		})
	}
	return within(a, b) && within(b, a)
}

// noSpan stands where only the story or only the model has an entity.
const noSpan = "None"

// align pairs the entities of stories with those that were found, text by text and from left to right. Only entities with the same
// bounds are a pair.
func align(targets, found []spanned) []pair {
	byText := func(spans []spanned) map[string][]spanned {
		m := map[string][]spanned{}
		for _, s := range spans {
			m[s.text] = append(m[s.text], s)
		}
		for _, list := range m {
			slices.SortStableFunc(list, func(a, b spanned) int { return a.entity.Start - b.entity.Start })
		}
		return m
	}
	wanted, predicted := byText(targets), byText(found)
	var texts []string
	for _, s := range slices.Concat(targets, found) {
		texts = append(texts, s.text)
	}
	slices.Sort(texts)
	var pairs []pair
	for _, text := range slices.Compact(texts) {
		a, b := wanted[text], predicted[text]
		for len(a) > 0 || len(b) > 0 {
			order := 0
			switch {
			case len(a) == 0:
				order = 1
			case len(b) == 0:
				order = -1
			default:
				order = cmp.Or(cmp.Compare(a[0].entity.Start, b[0].entity.Start), cmp.Compare(a[0].entity.End, b[0].entity.End))
			}
			p := pair{noSpan, noSpan}
			if order <= 0 {
				p.target, a = a[0].annotation(), a[1:]
			}
			if order >= 0 {
				p.predicted, b = b[0].annotation(), b[1:]
			}
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// annotation is the entity with its piece of the text, as training data writes it.
func (s *spanned) annotation() string {
	runes := []rune(s.text)
	start, end := min(max(s.entity.Start, 0), len(runes)), min(max(s.entity.End, 0), len(runes))
	return project.Annotation(string(runes[start:max(start, end)]), s.entity)
}
