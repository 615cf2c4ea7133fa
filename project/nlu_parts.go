package project

import (
	"math/rand/v2"
	"strings"

	"parley/nlu"
)

// Divide divides examples into a part to train with and a part to test with, as SplitNLU does: class by class, with at least one
// example of each on each side where there are two.
func Divide(examples []nlu.Example, fraction float64, random *rand.Rand) (train, test []nlu.Example) {
	t := newReader().newTraining()
	t.examples = examples
	return t.divide(fraction, random)
}

// WriteNLU gives training data as YAML: examples with the synonyms, regexes and lookup tables in one document, the responses that
// the examples need in another. A part that is empty gives an empty document.
func WriteNLU(d *nlu.TrainingData) (data, responses []byte) {
	t := newReader().newTraining()
	t.regexes, t.lookups = d.Regexes, d.Lookups
	for _, variant := range sortedKeys(d.Synonyms) {
		t.synonyms[variant] = newText(d.Synonyms[variant], nil)
		t.variants = append(t.variants, variant)
	}
	for _, name := range sortedKeys(d.Responses) {
		if !strings.Contains(name, "/") {
			continue // no retrieval response
		}
		variations := newList(nil)
		for _, r := range d.Responses[name] {
			variations.kids = append(variations.kids, plainNode(r.Body))
		}
		t.responses = t.responses.with(name, variations)
	}
	return t.writeNLU(d.Examples, nil), t.neededResponses(d.Examples)
}
