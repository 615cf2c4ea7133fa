package nlu

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// annotate reads "go from [Oslo]{"entity": "city", "role": "from"}" as an example of an intent.
func annotate(t testing.TB, intent string, lines ...string) []Example {
	t.Helper()
	var out []Example
	for _, line := range lines {
		out = append(out, readExample(t, intent, line))
	}
	return out
}

// named lists entities in short: text/type/role/group.
func named(p dialogue.Parse) []string {
	var out []string
	for _, e := range p.Entities {
		out = append(out, strings.TrimRight(fmt.Sprintf("%v/%s/%s/%s", e.Value, e.Entity, e.Role, e.Group), "/"))
	}
	return out
}

func TestRolesOfNeighbours(t *testing.T) {
	t.Parallel()
	cities := []string{"Berlin", "Paris", "London", "Rome", "Oslo", "Madrid", "Vienna", "Prague"}
	data := &TrainingData{}
	for i, from := range cities {
		to := cities[(i+3)%len(cities)]
		data.Examples = append(data.Examples, annotate(t, "book",
			fmt.Sprintf(`from [%s]{"entity": "city", "role": "from"} to [%s]{"entity": "city", "role": "to"}`, from, to),
			fmt.Sprintf(`flight [%s]{"entity": "city", "role": "from"} [%s]{"entity": "city", "role": "to"} please`, from, to),
			fmt.Sprintf(`is it warm in [%s](city) today`, from))...)
		data.Examples = append(data.Examples, Example{Text: "hello " + strings.Repeat("there ", i+1), Intent: "greet"})
	}
	for _, component := range []string{"DIETClassifier", "CRFEntityExtractor"} {
		for _, bilou := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s BILOU %v", component, bilou), func(t *testing.T) {
				t.Parallel()
				p := train(t, []Config{
					{Name: "WhitespaceTokenizer"},
					{Name: "CountVectorsFeaturizer"},
					{Name: component, Options: map[string]any{"BILOU_flag": bilou}},
				}, data)
				for text, want := range map[string][]string{
					"from Lima to Rome":        {"Lima/city/from", "Rome/city/to"},
					"flight Paris Oslo please": {"Paris/city/from", "Oslo/city/to"},
					"is it warm in Rome today": {"Rome/city"},
				} {
					got := parse(t, p, text)
					if diff := cmp.Diff(want, named(got)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", text, diff)
					}
					for _, e := range got.Entities {
						if (e.Role != "") != (e.RoleConfidence != nil) || e.GroupConfidence != nil {
							t.Errorf("%s: role %q has confidence %v, group %q has %v", text, e.Role, e.RoleConfidence, e.Group, e.GroupConfidence)
						}
						if e.RoleConfidence != nil && (*e.RoleConfidence < 0.5 || *e.RoleConfidence > 1) {
							t.Errorf("%s: confidence of role %q is %v", text, e.Role, *e.RoleConfidence)
						}
					}
				}
			})
		}
	}
}

func TestGroupsOfEntities(t *testing.T) {
	t.Parallel()
	data := &TrainingData{}
	sizes, toppings := []string{"small", "large", "medium", "huge"}, []string{"ham", "mushrooms", "olives", "tuna", "cheese", "onions"}
	for i := range 12 {
		s1, s2, t1, t2 := sizes[i%4], sizes[(i+1)%4], toppings[i%6], toppings[(i+2)%6]
		data.Examples = append(data.Examples, annotate(t, "order",
			fmt.Sprintf(`a [%s]{"entity": "size", "group": "1"} pizza with [%s]{"entity": "topping", "group": "1"} and a `+
				`[%s]{"entity": "size", "group": "2"} with [%s]{"entity": "topping", "group": "2"}`, s1, t1, s2, t2),
			fmt.Sprintf(`one [%s]{"entity": "size", "group": "1"} with [%s]{"entity": "topping", "group": "1"} please`, s1, t1))...)
		data.Examples = append(data.Examples, Example{Text: "hello " + strings.Repeat("there ", i+1), Intent: "greet"})
	}
	p := train(t, configs("WhitespaceTokenizer", "CountVectorsFeaturizer", "DIETClassifier"), data)
	got := parse(t, p, "a huge pizza with tuna and a small with ham")
	want := []string{"huge/size//1", "tuna/topping//1", "small/size//2", "ham/topping//2"}
	if diff := cmp.Diff(want, named(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, e := range got.Entities {
		if e.GroupConfidence == nil || *e.GroupConfidence < 0.5 || e.RoleConfidence != nil {
			t.Errorf("%v: confidence of the group %v, of a role %v", e.Value, e.GroupConfidence, e.RoleConfidence)
		}
	}
}

func TestSplitEntitiesByComma(t *testing.T) {
	t.Parallel()
	data := &TrainingData{}
	streets, towns := []string{"Elm", "Oak", "Pine", "Birch", "Maple", "Cedar"}, []string{"Berlin", "Leeds", "Lyon", "Turin", "Graz", "Bern"}
	for i, s := range streets {
		data.Examples = append(data.Examples, annotate(t, "move",
			fmt.Sprintf("i live at [%s Street, %s](address)", s, towns[i]),
			fmt.Sprintf("my address is [%s Street, %s](address)", s, towns[(i+1)%6]))...)
		data.Examples = append(data.Examples, Example{Text: "hello " + strings.Repeat("there ", i+1), Intent: "greet"})
	}
	for _, c := range []struct {
		option any
		want   []string
	}{
		{true, []string{"Oak Street/address", "Leeds/address"}},
		{false, []string{"Oak Street, Leeds/address"}},
		{map[string]any{"address": false}, []string{"Oak Street, Leeds/address"}},
		{map[string]any{"other": false}, []string{"Oak Street/address", "Leeds/address"}},
	} {
		for _, bilou := range []bool{true, false} {
			p := train(t, []Config{
				{Name: "WhitespaceTokenizer"},
				{Name: "CountVectorsFeaturizer"},
				{Name: "DIETClassifier", Options: map[string]any{"split_entities_by_comma": c.option, "BILOU_flag": bilou}},
			}, data)
			if diff := cmp.Diff(c.want, named(parse(t, p, "i live at Oak Street, Leeds"))); diff != "" {
				t.Errorf("%v, BILOU %v (-want +got):\n%s", c.option, bilou, diff)
			}
		}
	}
}

func TestWordsOfAClassStandForOneAnother(t *testing.T) {
	t.Parallel()
	data := &TrainingData{Examples: annotate(t, "paint", "make it [red](colour)", "paint it [blue](colour) please", "can it be [green](colour)",
		"[red](colour) is fine", "make it quickly", "paint it with care please", "can it be done", "this is fine")}
	data.Examples = append(data.Examples, annotate(t, "greet", "hello there", "good day", "hi", "hello again")...)
	pipeline := configs("WhitespaceTokenizer", "CountVectorsFeaturizer", "DIETClassifier")
	sure := map[string]float64{} // that yellow is a colour
	for _, language := range []string{"en", "en-GB", "de"} {
		p, err := Train(t.Context(), pipeline, data, TrainOptions{Language: language})
		if err != nil {
			t.Fatal(err)
		}
		if p, err = load(sections(t, p)); err != nil {
			t.Fatal(err)
		}
		for _, e := range parse(t, p, "can it be yellow").Entities {
			sure[language] = *e.Confidence
		}
	}
	if sure["en"] < sure["de"]+0.1 || sure["en"] != sure["en-GB"] {
		t.Errorf("yellow is a colour with %v", sure)
	}
}
