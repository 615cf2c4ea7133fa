package action

import (
	"fmt"
	"math"
	"slices"

	"parley/dialogue"
)

// schema is the part of JSON Schema that replies of remote services are held to.
type schema struct {
	types      []string // empty: any
	properties []property
	required   []string
	items      *schema
}

type property struct {
	name   string
	schema *schema
}

func typed(types ...string) *schema { return &schema{types: types} }

// answerSchema is what a reply of an action server must look like. The types of events are checked one by one.
var answerSchema = &schema{types: []string{"object"}, properties: []property{
	{"events", &schema{types: []string{"array"}, items: &schema{
		types:    []string{"object"},
		required: []string{"event"},
		properties: []property{
			{"event", typed("string")}, {"timestamp", typed("number", "null")}, {"metadata", typed("object", "null")},
		},
	}}},
	{"responses", &schema{types: []string{"array"}, items: typed("object")}},
}}

var (
	intentSchema = &schema{types: []string{"object"}, properties: []property{
		{"name", typed("string")}, {"confidence", typed("number")},
	}}
	entitiesSchema = &schema{types: []string{"array"}, items: &schema{
		types:    []string{"object"},
		required: []string{"entity", "value"},
		properties: []property{
			{"start", typed("integer")},
			{"end", typed("integer")},
			{"entity", typed("string")},
			{"confidence", typed("number")},
			{"extractor", typed("string", "null")},
			{"role", typed("string", "null")},
			{"group", typed("string", "null")},
		},
	}}
)

// eventSchemas are what events of an action server must look like beyond what all events do. Types that are missing here are held
// to nothing more.
var eventSchemas = map[dialogue.Kind]*schema{
	dialogue.KindUser: {properties: []property{
		{"text", typed("string", "null")},
		{"input_channel", typed("string", "null")},
		{"message_id", typed("string", "null")},
		{"parse_data", &schema{types: []string{"object"}, properties: []property{
			{"text", typed("string", "null")},
			{"intent", intentSchema},
			{"entities", entitiesSchema},
			{"intent_ranking", &schema{types: []string{"array"}, items: intentSchema}},
			{"response_selector", typed("object")},
		}}},
	}},
	dialogue.KindAction: {properties: []property{
		{"policy", typed("string", "null")},
		{"confidence", typed("number", "null")},
		{"name", typed("string", "null")},
		{"hide_rule_turn", typed("boolean")},
		{"action_text", typed("string", "null")},
	}},
	dialogue.KindSlot:     {required: []string{"name", "value"}, properties: []property{{"name", typed("string")}}},
	dialogue.KindEntities: {required: []string{"entities"}, properties: []property{{"entities", entitiesSchema}}},
}

// nlgSchema is what a reply of an NLG server must look like.
var nlgSchema = &schema{types: []string{"object"}, properties: []property{
	{"text", typed("string")},
	{"id", typed("string", "null")},
	{"buttons", &schema{types: []string{"array", "null"}, items: typed("object")}},
	{"elements", &schema{types: []string{"array", "null"}, items: typed("object")}},
	{"attachment", typed("object", "null")},
	{"image", typed("string", "null")},
	{"custom", typed("object")},
}}

// check holds a plain value to the schema. The error names the place below place.
func (s *schema) check(v any, place string) error {
	if err := s.fault(v); err != nil {
		return fmt.Errorf("%s%w", place, err)
	}
	return nil
}

// fault is what is wrong with a value: the path to it, a colon and the reason.
func (s *schema) fault(v any) error {
	if len(s.types) > 0 && !slices.ContainsFunc(s.types, func(t string) bool { return hasType(v, t) }) {
		return fmt.Errorf(": want %s, got %s", s.types[0], typeName(v))
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range s.required {
			if _, ok := v[key]; !ok {
				return fmt.Errorf(": %s is missing", key)
			}
		}
		for _, p := range s.properties {
			if x, ok := v[p.name]; ok {
				if err := p.schema.fault(x); err != nil {
					return fmt.Errorf(".%s%w", p.name, err)
				}
			}
		}
	case []any:
		if s.items == nil {
			return nil
		}
		for i, x := range v {
			if err := s.items.fault(x); err != nil {
				return fmt.Errorf("[%d]%w", i, err)
			}
		}
	}
	return nil
}

func hasType(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case int:
		return name == "number" || name == "integer"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}
