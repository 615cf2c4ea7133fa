package project

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExcerptPointsAtThePlace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f.yml")
	text := "\xef\xbb\xbfintents: [greet, idle]\r\n  - action: utter_gret\n\tx: \"über\"\n你好 greet\n" +
		"slots: {}\n"
	for range 60 {
		text += "long, "
	}
	text += "end\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		p    Problem
		want string
	}{
		"a name is found in its line":       {Problem{Line: 1, Mark: Mark{Text: "idle"}}, "  1 | intents: [greet, idle]\n    |                  ^~~~"},
		"not within a longer one":           {Problem{Line: 2, Mark: Mark{Text: "utter"}}, "  2 |   - action: utter_gret\n    |     ^~~~~~~~~~~~~~~~~~"},
		"a column counts":                   {Problem{Line: 2, Mark: Mark{Column: 13}}, "  2 |   - action: utter_gret\n    |             ^~~~~~~~~~"},
		"also behind a quote, with a tab":   {Problem{Line: 3, Mark: Mark{Column: 5, Text: "über"}}, "  3 | \tx: \"über\"\n    | \t    ^~~~"},
		"the mark may be on another line":   {Problem{Line: 1, Mark: Mark{Line: 2, Text: "action"}}, "  2 |   - action: utter_gret\n    |     ^~~~~~"},
		"wide characters take two columns":  {Problem{Line: 4, Mark: Mark{Text: "greet"}}, "  4 | 你好 greet\n    |      ^~~~~"},
		"no line, no excerpt":               {Problem{Line: 99}, ""},
		"a column behind the end of a line": {Problem{Line: 5, Mark: Mark{Column: 80}}, "  5 | slots: {}\n    |         ^"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var x Excerpts
			tc.p.File = file
			if diff := cmp.Diff(tc.want, x.Excerpt(&tc.p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	var x Excerpts
	p := Problem{File: file, Line: 6, Mark: Mark{Text: "end"}}
	if s, ok := x.Span(&p); !ok || s != (Span{6, 361, 364}) {
		t.Errorf("span %v %t", s, ok)
	}
	if got := []rune(x.Excerpt(&p)); len(got) > 2*maxExcerpt {
		t.Errorf("the excerpt of a long line has %d characters", len(got))
	}
	if got := x.Excerpt(&Problem{File: filepath.Join(t.TempDir(), "nowhere"), Line: 1}); got != "" {
		t.Errorf("an excerpt of nothing: %s", got)
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("intents: [greet]", "greet", 1, 3)
	f.Add("\t你\u0301\x00", "", 1, 99)
	f.Fuzz(func(t *testing.T, text, about string, line, column int) {
		x := Excerpts{lines: map[string][]string{"f": {text, text}}}
		p := Problem{File: "f", Line: line, Mark: Mark{Column: column, Text: about}}
		if s, ok := x.Span(&p); ok && (s.Start < 1 || s.End <= s.Start) {
			t.Fatalf("span %v in %q", s, text)
		}
		x.Excerpt(&p)
	})
}
