package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/dialogue"
)

func TestDomainSurvivesItsEncoding(t *testing.T) {
	t.Parallel()
	loop := "form"
	none := ""
	d := (&dialogue.Domain{
		Intents:  []dialogue.IntentSpec{{Name: "greet", UsedEntities: []string{"city", "city#to"}}, {Name: "faq", Retrieval: true}},
		Entities: []dialogue.EntitySpec{{Name: "city", Roles: []string{"to"}, Influence: true}},
		Slots: []dialogue.Slot{
			{Name: "n", Type: dialogue.SlotFloat, Initial: 5.0, Max: 10, Influence: true},
			{Name: "whole", Type: dialogue.SlotAny, Initial: 5},
			{Name: "list", Type: dialogue.SlotList, Initial: []any{"a", 1, 1.5, nil, true}},
			{Name: "m", Type: dialogue.SlotText, Mappings: []dialogue.Mapping{{
				Type: dialogue.FromText, Conditions: []dialogue.MappingCondition{{ActiveLoop: &loop}, {ActiveLoop: &none}, {}},
			}}},
		},
		Responses: map[string][]dialogue.Response{"utter_x": {{
			Body:       map[string]any{"text": "é \"x\"", "custom": map[string]any{"a": []any{1, 2.5}, "none": nil}},
			Conditions: []dialogue.ResponseCondition{{Type: "slot", Name: "n", Value: 1}}, Conditional: true,
		}}},
		Actions:           []string{"action_listen", "utter_x"},
		Forms:             []dialogue.Form{{Name: "form", RequiredSlots: []string{"m"}}},
		SessionExpiration: 0.5, CarryOverSlots: true,
		Raw: []byte(`{"version":"3.1"}`),
	}).Finish()
	got, err := decodeDomain(encodeDomain(d))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got, cmpopts.IgnoreUnexported(dialogue.Domain{}, dialogue.Slot{}, dialogue.Response{})); diff != "" {
		t.Errorf("domain changed (-want +got):\n%s", diff)
	}
}

func TestDecodeDomainRefusesAnotherShape(t *testing.T) {
	t.Parallel()
	for _, data := range []string{``, `[]`, `{"Intents": 1}`, `{"Slots": [{"Initial": 1, "Max": "x"}]}`, `{"Raw": [1]}`, `{"SessionExpiration": null}`} {
		if _, err := decodeDomain([]byte(data)); err == nil {
			t.Errorf("decodeDomain(%s) gave no error", data)
		}
	}
}
