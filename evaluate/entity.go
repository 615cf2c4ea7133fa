package evaluate

import (
	"slices"
	"strings"

	"parley/dialogue"
)

// noEntity is the label of a token outside all entities.
const noEntity = "no_entity"

// untrained are extractors that find entities without training: what they find is not scored.
var untrained = []string{"DucklingEntityExtractor", "DucklingHTTPExtractor", "SpacyEntityExtractor"}

// withConfidence are the extractors that say how sure they are.
var withConfidence = []string{"CRFEntityExtractor", "DIETClassifier"}

// EntityResult is how well an extractor found entities, counted by token. The label of a token is the type of its entity, followed
// by group and role where it has them, with dots between.
type EntityResult struct {
	Extractor string
	Report    *Report
	Confusion *Confusion
	Errors    []EntityPrediction // texts with a token whose label is wrong
	Successes []EntityPrediction // texts with a token in an entity whose label is right; they may be among the errors, too
	// Correct and Wrong are the confidences of tokens; nil for an extractor that tells none.
	Correct, Wrong []float64
}

// EntityPrediction is what was found in a text.
type EntityPrediction struct {
	Text             string
	Targets, Entries []dialogue.Entity // what is there, and what was found by all extractors
	withText         bool              // the JSON of the targets has the text in it
}

// tokenLabels are the entities of a text by token.
type tokenLabels struct {
	EntityPrediction
	tokens [][2]int
}

func newTokenLabels(text string, tokens [][2]int, targets, found []dialogue.Entity) tokenLabels {
	return tokenLabels{EntityPrediction: EntityPrediction{Text: text, Targets: targets, Entries: found}, tokens: tokens}
}

// learnt are the entities without those of extractors that learn nothing.
func learnt(entities []dialogue.Entity) []dialogue.Entity {
	return slices.DeleteFunc(slices.Clone(entities), func(e dialogue.Entity) bool { return slices.Contains(untrained, e.Extractor) })
}

// extractorsOf are the extractors that found something, sorted.
func extractorsOf(texts []tokenLabels) []string {
	var names []string
	for i := range texts {
		for j := range texts[i].Entries {
			if name := texts[i].Entries[j].Extractor; name != "" {
				names = append(names, name)
			}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// entityResults scores each extractor by token.
func entityResults(texts []tokenLabels, extractors []string) []EntityResult {
	results := make([]EntityResult, len(extractors))
	for i, name := range extractors {
		results[i] = entityResult(texts, name)
	}
	return results
}

func entityResult(texts []tokenLabels, extractor string) EntityResult {
	r := EntityResult{Extractor: extractor, Errors: []EntityPrediction{}, Successes: []EntityPrediction{}}
	confident := slices.Contains(withConfidence, extractor)
	var targets, predictions []string
	for i := range texts {
		t := &texts[i]
		var own []dialogue.Entity
		for _, e := range t.Entries {
			if e.Extractor == extractor {
				own = append(own, e)
			}
		}
		wrong, found := false, false
		for _, token := range t.tokens {
			target, predicted := label(at(token, t.Targets)), at(token, own)
			targets, predictions = append(targets, target), append(predictions, label(predicted))
			wrong = wrong || target != label(predicted)
			found = found || target == label(predicted) && target != noEntity
			if confident && label(predicted) != noEntity {
				if target == label(predicted) {
					r.Correct = append(r.Correct, leastSure(predicted))
				} else {
					r.Wrong = append(r.Wrong, leastSure(predicted))
				}
			}
		}
		if wrong {
			r.Errors = append(r.Errors, t.EntityPrediction)
		}
		if found {
			r.Successes = append(r.Successes, t.EntityPrediction)
		}
	}
	if confident && r.Correct == nil {
		r.Correct = []float64{}
	}
	r.Report, r.Confusion = classify(targets, predictions, noEntity), confuse(targets, predictions)
	r.Report.addConfused(r.Confusion, noEntity)
	return r
}

// at is the entity that shares most characters with a token; of several the longest, then the first. nil: there is none. (The
// reference refuses overlapping entities of DIETClassifier and CRFEntityExtractor with a crash.)
func at(token [2]int, entities []dialogue.Entity) *dialogue.Entity {
	var best *dialogue.Entity
	most := 0
	for i := range entities {
		e := &entities[i]
		shared := min(token[1], e.End) - max(token[0], e.Start)
		if shared > most || shared == most && best != nil && e.End-e.Start > best.End-best.Start {
			best, most = e, shared
		}
	}
	return best
}

// label is the label of a token in an entity.
func label(e *dialogue.Entity) string {
	if e == nil {
		return noEntity
	}
	var parts []string
	for _, part := range []string{e.Entity, e.Group, e.Role} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return noEntity
	}
	return strings.Join(parts, ".")
}

// leastSure is the lowest of an entity's confidences.
func leastSure(e *dialogue.Entity) float64 {
	least := 1.0
	for _, c := range []*float64{e.Confidence, e.RoleConfidence, e.GroupConfidence} {
		if c != nil && *c > 0 {
			least = min(least, *c)
		}
	}
	return least
}
