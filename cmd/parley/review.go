package main

import (
	"fmt"
	"strings"

	"parley/nlu"
)

// review says how well intents are understood, judged on examples that were left out of training.
func (a *app) review(r *nlu.Review) {
	if r == nil {
		return
	}
	text := fmt.Sprintf("Of %d examples left out of training in turn, %.1f %% are understood.", r.Examples, 100*r.Accuracy())
	if r.Fallback >= 0 {
		text += fmt.Sprintf(" %.1f %% would fall back.", 100*float64(r.Fallback)/float64(r.Examples))
	}
	a.info("%s", text)
	if len(r.Confused) > 0 {
		pairs := make([]string, len(r.Confused))
		for i, c := range r.Confused {
			pairs[i] = fmt.Sprintf("%s as %s (%d)", c.Intent, c.Predicted, c.Count)
		}
		a.info("Most often confused: %s.", strings.Join(pairs, ", "))
	}
	if len(r.Suspects) == 0 {
		return
	}
	a.info("Examples that the others speak against; has each the right intent?")
	for _, s := range r.Suspects {
		where := ""
		if s.Example.File != "" {
			where = fmt.Sprintf("%s:%d: ", s.Example.File, s.Example.Line)
		}
		a.info("  %s%q is %s, looks like %s (%.2f)", where, shorten(s.Example.Text, 80), s.Example.Intent, s.Predicted, s.Confidence)
	}
}

// shorten cuts a text to a number of characters.
func shorten(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
