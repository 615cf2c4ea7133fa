package tests

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"
)

// TestSchemaHasTheKeysOfTheValues holds values.schema.json to values.yaml: every object that the schema closes has the same keys
// there, but for those of a type that many share.
func TestSchemaHasTheKeysOfTheValues(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../parley/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := sigsyaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile("../parley/values.schema.json"); err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "global") // of the chart around this one
	compare(t, "", schema.Properties, values)
}

func compare(t *testing.T, path string, properties, values map[string]any) {
	t.Helper()
	want, got := slices.Sorted(maps.Keys(values)), slices.Sorted(maps.Keys(properties))
	if !slices.Equal(want, got) {
		t.Errorf("keys of %q: values.yaml has %v, the schema %v", path, want, got)
	}
	for key, property := range properties {
		p, _ := property.(map[string]any)
		inner, closed := p["properties"].(map[string]any)
		value, isMap := values[key].(map[string]any)
		if closed && isMap {
			compare(t, path+"."+key, inner, value)
		}
	}
}
