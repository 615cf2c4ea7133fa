package project

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlainScalarsHaveTheTypesOfYAML12(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "Null": nil, "nUll": "nUll", "nil": "nil",
		"true": true, "TRUE": true, "tRUE": "tRUE", "yes": "yes", "off": "off", "False": false,
		"0": 0, "-0": 0, "+12": 12, "012": 12, "08": 8, "1_000": 1000, "0x1F": 31, "0b101": 5, "0o17": 15, "-0x10": -16,
		"0x": "0x", "0b2": "0b2", "--1": "--1", "-": "-", "+": "+", "_1": "_1", "1__": 1, "0o8": "0o8",
		"1.": 1.0, ".5": 0.5, "-.5": -0.5, "1e3": 1000.0, "1E-2": 0.01, "1.5e+3": 1500.0, "1_0.2_5": 10.25, "3.10": 3.1,
		".": ".", "._": "._", "1e": "1e", "1e+": "1e+", ".5e3": ".5e3", ".5e+3": 500.0, "1.2.3": "1.2.3", "e3": "e3", "1:30": "1:30",
		"9223372036854775807": 9223372036854775807, "9223372036854775808": 9223372036854775808.0,
		"2020-01-31": "2020-01-31", "2020-13-31": "2020-13-31", "12 apples": "12 apples", "-x": "-x", "<<": "<<",
	} {
		var n node
		resolvePlain(&n, text)
		if diff := cmp.Diff(want, n.value()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestDatesAreNoTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2020-01-31": "2020-01-31", "2001-12-14t21:59:43.10-05:00": "2001-12-15T02:59:43", "2001-12-14 21:59:43Z": "2001-12-14T21:59:43",
		"2001-1-2 3:04:05 +1": "2001-01-02T02:04:05", "2001-02-30 00:00:00": "", "2020-1-31": "", "20:30": "",
	} {
		var n node
		resolvePlain(&n, text)
		if got := n.kind == kindDate; got != (want != "") || got && n.str != want {
			t.Errorf("%q became %v %q, want %q", text, n.kind, n.str, want)
		}
	}
}

func TestVariablesAreExpandedAsInAShell(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) {
		value, ok := map[string]string{"A": "1", "B_2": "two", "EMPTY": ""}[name]
		return value, ok
	}
	for text, want := range map[string]string{
		"${A}": "1", "x${A}y$B_2.": "x1ytwo.", "${EMPTY}": "", "${NO}": "${NO}", "$NO${A}": "$NO1", "$": "$", "${": "${", "${}": "${}", "$$A": "$1", "${A": "${A", "$é": "$é",
	} {
		if got := expandVariables(text, lookup); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestEscapesAreDecodedInASCIIFilesOnly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`\u0041`: "A", `\\u0041`: `\\u0041`, `\\\u0041`: `\\A`, `\ud83d\ude00`: "😀", `\U0001F600`: "😀", `\ud83d`: `\ud83d`,
		`\ud83d\u0041`: `\ud83dA`, `C:\users`: `C:\users`, `\u12`: `\u12`, `é \u0041`: `é \u0041`, `\U7FFFFFFF`: `\U7FFFFFFF`, `\n`: `\n`,
	} {
		if got := string(unescapeASCII([]byte(text))); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestNearestFindsTypingMistakesOnly(t *testing.T) {
	t.Parallel()
	names := []string{"from_entity", "from_text", "utter_greet", "a"}
	for name, want := range map[string]string{"from_entities": "from_entity", "form_text": "from_text", "utter_gret": "utter_greet", "something": "", "b": ""} {
		if got := nearest(name, names); got != want {
			t.Errorf("%q is near %q, want %q", name, got, want)
		}
	}
}
