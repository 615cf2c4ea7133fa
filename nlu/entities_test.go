package nlu

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/dialogue"
)

// travel is data with roles: cities one leaves from and goes to.
func travel() *TrainingData {
	d := &TrainingData{Synonyms: map[string]string{"nyc": "New York"}}
	cities := []string{"Berlin", "Paris", "nyc", "London", "Rome", "Oslo", "San Francisco", "Madrid"}
	for i, from := range cities {
		to := cities[(i+3)%len(cities)]
		for _, form := range []string{"book a flight from %s to %s", "i want to go from %s to %s please", "fly me from %s to %s"} {
			text := fmt.Sprintf(form, from, to)
			e := Example{Text: text, Intent: "book"}
			for _, c := range []struct{ city, role, before string }{{from, "from", "from "}, {to, "to", " to "}} {
				at := index(text, c.before+c.city) + len(c.before)
				e.Entities = append(e.Entities, dialogue.Entity{Entity: "city", Value: c.city, Role: c.role, Start: at, End: at + len(c.city)})
			}
			d.Examples = append(d.Examples, e)
		}
		d.Examples = append(d.Examples, Example{Text: "hello there " + from, Intent: "greet"}, Example{Text: "hi, good day", Intent: "greet"})
	}
	return d
}

func index(text, part string) int {
	for i := range len(text) {
		if len(text) >= i+len(part) && text[i:i+len(part)] == part {
			return i
		}
	}
	return -1
}

func TestDIETFindsEntitiesWithRoles(t *testing.T) {
	t.Parallel()
	p := train(t, DefaultPipeline(), travel())
	got := parse(t, p, "é, fly me from Vienna to nyc")
	want := []dialogue.Entity{
		{Entity: "city", Start: 15, End: 21, Role: "from", Value: "Vienna", Extractor: "DIETClassifier"},
		{Entity: "city", Start: 25, End: 28, Role: "to", Value: "New York", Extractor: "DIETClassifier", Processors: []string{"EntitySynonymMapper"}},
	}
	if diff := cmp.Diff(want, got.Entities, cmpopts.IgnoreFields(dialogue.Entity{}, "Confidence", "RoleConfidence")); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	for _, e := range got.Entities {
		if e.Confidence == nil || *e.Confidence < 0.5 || *e.Confidence > 1 || e.RoleConfidence == nil || *e.RoleConfidence < 0.5 {
			t.Errorf("%v: confidence %v, of the role %v", e.Value, e.Confidence, e.RoleConfidence)
		}
	}
	if got.Intent.Name != "book" {
		t.Errorf("intent %v", got.Intent)
	}
}

func TestCRFEntityExtractorFindsEntities(t *testing.T) {
	t.Parallel()
	p := train(t, configs("WhitespaceTokenizer", "CRFEntityExtractor"), travel())
	got := parse(t, p, "book a flight from San Francisco to Rome")
	want := []dialogue.Entity{
		{Entity: "city", Start: 19, End: 32, Role: "from", Value: "San Francisco", Extractor: "CRFEntityExtractor"},
		{Entity: "city", Start: 36, End: 40, Role: "to", Value: "Rome", Extractor: "CRFEntityExtractor"},
	}
	if diff := cmp.Diff(want, got.Entities, cmpopts.IgnoreFields(dialogue.Entity{}, "Confidence", "RoleConfidence")); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
}

func TestTokensOfOneTypeJoinOverSmallGaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		gap   string
		split bool
		want  bool
	}{{" ", true, true}, {"-", true, true}, {", ", true, false}, {", ", false, true}, {"   ", false, true}, {" ,  ", false, false}, {"€", true, true}} {
		if got := joined(c.gap, c.split); got != c.want {
			t.Errorf("joined(%q, %v) = %v", c.gap, c.split, got)
		}
	}
}
