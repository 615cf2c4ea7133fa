package action

import (
	"errors"
	"os"
	"strings"
	"testing"

	"parley/dialogue"
)

// templateCase is a line of testdata/templates.json: a template and what Python makes of it, nil for an error.
type templateCase struct {
	template string
	want     *string
}

func templateCases(t testing.TB) (map[string]any, []templateCase) {
	t.Helper()
	data, err := os.ReadFile("testdata/templates.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	file := v.(map[string]any)
	var cases []templateCase
	for _, item := range file["cases"].([]any) {
		pair := item.([]any)
		c := templateCase{template: pair[0].(string)}
		if want, ok := pair[1].(string); ok {
			c.want = &want
		}
		cases = append(cases, c)
	}
	return file["values"].(map[string]any), cases
}

func TestTemplatesAreFilledAsPythonDoes(t *testing.T) {
	t.Parallel()
	values, cases := templateCases(t)
	for _, c := range cases {
		got, err := compileTemplate(c.template).fill(vars{args: values})
		switch {
		case c.want == nil && err == nil:
			t.Errorf("%q: got %q, want an error", c.template, got)
		case c.want == nil && !errors.Is(err, errTemplate):
			t.Errorf("%q: error %v is no template error", c.template, err)
		case c.want != nil && err != nil:
			t.Errorf("%q: %v, want %q", c.template, err, *c.want)
		case c.want != nil && got != *c.want && !strings.Contains(c.template, "{}"):
			t.Errorf("%q: got %q, want %q", c.template, got, *c.want)
		}
	}
}

func TestTemplatePrintsAllVariables(t *testing.T) {
	t.Parallel()
	got, err := compileTemplate("all: {}").fill(vars{args: map[string]any{"b": nil, "a": "x"}})
	if want := "all: {'a': 'x', 'b': None}"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestTemplateWithoutBracesCostsNothing(t *testing.T) {
	template := compileTemplate("Hello there.")
	if n := testing.AllocsPerRun(100, func() { _, _ = template.fill(vars{}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzTemplate(f *testing.F) {
	values, cases := templateCases(f)
	for _, c := range cases[:200] {
		f.Add(c.template)
	}
	f.Fuzz(func(t *testing.T, source string) {
		template := compileTemplate(source)
		got, err := template.fill(vars{args: values})
		if err != nil {
			if !errors.Is(err, errTemplate) {
				t.Fatalf("%q: %v is no template error", source, err)
			}
			return
		}
		if !strings.ContainsAny(source, "{}") && got != source {
			t.Fatalf("%q became %q", source, got)
		}
		if again, err := template.fill(vars{args: values}); err != nil || again != got {
			t.Fatalf("%q: filled again it is %q, %v, not %q", source, again, err, got)
		}
		if _, err := template.fill(vars{}); err != nil && !errors.Is(err, errTemplate) {
			t.Fatalf("%q: %v is no template error", source, err)
		}
	})
}
