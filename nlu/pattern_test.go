package nlu

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/livetest"
)

// found gives the matches of a pattern in a text.
func found(t *testing.T, source, text string, ignoreCase bool) []string {
	t.Helper()
	p, err := compilePattern(source, ignoreCase)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	var out []string
	p.find(text, func(start, end int) { out = append(out, text[start:end]) })
	if p.matches(text) != (len(out) > 0) {
		t.Errorf("%s in %q: matches says %v", source, text, !(len(out) > 0))
	}
	return out
}

func TestPatternsMeanWhatTheyMeanInPython(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		ignoreCase    bool
		want          []string
	}{
		{`\d{3}-\d{4}`, "call 555-1234 or 555-9999", false, []string{"555-1234", "555-9999"}},
		{`\d+`, "٣٤ and 56", false, []string{"٣٤", "56"}},
		{`\w+`, "naïve Ω_1 你好", false, []string{"naïve", "Ω_1", "你好"}},
		{`[\w-]+`, "é-a b", false, []string{"é-a", "b"}},
		{`\bé\w*\b`, "été été", false, []string{"été", "été"}},
		{`\bfoo\b`, "foo éfoo foo", false, []string{"foo", "foo"}},
		{`(?<=\$)\d+`, "$5 6 $77", false, []string{"5", "77"}},
		{`(?<!\$)\b\d+`, "$5 6", false, []string{"6"}},
		{`(\w)\1`, "aab cc", false, []string{"aa", "cc"}},
		{`(?P<y>\d)x(?P=y)`, "1x1 1x2", false, []string{"1x1"}},
		{`(?P<year>\d{4})`, "in 2024", false, []string{"2024"}},
		{`(?i)straße`, "STRASSE Straße", false, []string{"Straße"}},
		{`abc`, "ABC abc", true, []string{"ABC", "abc"}},
		{`(?u)\b\w\w+\b`, "a bc é déf", false, []string{"bc", "déf"}},
		{`a\Z`, "a a", false, []string{"a"}},
		{`[]x]+`, "a]x]", false, []string{"]x]"}},
		{`[^]x]+`, "a]b", false, []string{"a", "b"}},
		{`[[a]+`, "[a]", false, []string{"[a"}},
		{`\u00e9`, "é", false, []string{"é"}},
		{`[A-Z]{2}\d{3}`, "ab123 CD456", true, []string{"ab123", "CD456"}},
		{`x(?#a comment)y`, "xy", false, []string{"xy"}},
		{`\s+`, "a\u00a0b", false, []string{"\u00a0"}},
		{`cat|category`, "category", false, []string{"cat"}},
		{`\bC++\b`, "C++ CC", false, []string{"C", "CC"}}, // possessive
		{`(?:ab)?+ab`, "ab abab", false, []string{"abab"}},
		{`\w?`, "hi!", false, []string{"h", "i", "", ""}},
		{`|a`, "a", false, []string{"", "a", ""}},
		{`x*`, "axb", false, []string{"", "x", "", ""}},
		{`(?P<n>a)(b)\2`, "abb", false, []string{"abb"}},
		{`(?P<n>a)(b)(?P=n)`, "aba", false, []string{"aba"}},
		{`a{,2}b`, "aaab", false, []string{"aab"}},
		{`{a}{}`, "{a}{}", false, []string{"{a}{}"}},
		{`^hi$`, "hi\n", false, []string{"hi"}},
		{`\w+`, "Rome\u0301 a\u200db a‿b ²", false, []string{"Rome", "a", "b", "a", "b", "²"}},
		{`\bRome\b`, "Rome\u0301", false, []string{"Rome"}},
		{`[^\W\d]+`, "é1東 _", false, []string{"é", "東", "_"}},
		{`(?a)\w+`, "aé1", false, []string{"a", "1"}},
		{`(?a:\w)\w`, "éa aé", false, []string{"aé"}},
		{`istanbul`, "İSTANBUL ıstanbul", true, []string{"İSTANBUL", "ıstanbul"}},
		{`[a-j]+`, "İıx", true, []string{"İı"}},
		{`(?x) a b # c`, "ab", false, []string{"ab"}},
		{`\101\x42\0`, "AB\x00", false, []string{"AB\x00"}},
		{`(a)?(?(1)b|c)`, "ab c", false, []string{"ab", "c"}},
	} {
		if diff := cmp.Diff(c.want, found(t, c.pattern, c.text, c.ignoreCase)); diff != "" {
			t.Errorf("%s in %q (-want +got):\n%s", c.pattern, c.text, diff)
		}
	}
}

func TestABadPatternIsAnError(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"(", "[a", "a{2,1}", "(?P<n", `\`, "*a", "(?P=x)", "\xff", "a**", "^*", `\bb{2}+*`, `\p{L}`, `\z`, "[z-a]", `[\d-z]`, `(a)\2`, "a(?i)b", ")", "(?<n>a)", `\x{41}`, "(?P<n>a)(?P<n>b)"} {
		if _, err := compilePattern(source, false); err == nil {
			t.Errorf("%s: no error", source)
		}
	}
	data := &TrainingData{Regexes: []Regex{{Name: "broken", Pattern: "(", File: "nlu.yml", Line: 7}}}
	_, err := Train(t.Context(), configs("WhitespaceTokenizer", "RegexFeaturizer"), data, TrainOptions{})
	if err == nil || !strings.Contains(err.Error(), "nlu.yml:7") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
}

// TestAMatchThatWasHeldUpIsTriedAgain: what is found does not depend on the machine, and what cannot be found ends.
func TestAMatchThatWasHeldUpIsTriedAgain(t *testing.T) {
	t.Parallel()
	late := errors.New("match timeout")
	for held, want := range map[int]error{0: nil, 1: nil, patternTries - 1: nil, patternTries: late} {
		tried := 0
		got, err := steady(func() (string, error) {
			if tried++; tried <= held {
				return "", late
			}
			return "found", nil
		})
		if !errors.Is(err, want) || (got == "found") != (want == nil) || tried != min(held+1, patternTries) {
			t.Errorf("held up %d times: %q, %v after %d attempts", held, got, err, tried)
		}
	}
}

func TestBacktrackingEnds(t *testing.T) {
	t.Parallel()
	p, err := compilePattern(`(?=(a+)+$)(a+)+\1b`, false)
	if err != nil {
		t.Fatal(err)
	}
	livetest.Paced(t, func(second time.Duration) error {
		begin := time.Now()
		p.find(strings.Repeat("a", 5000), func(int, int) {})
		if took := time.Since(begin); took > 5*second {
			return fmt.Errorf("took %v", took)
		}
		return nil
	})
}

func TestLookupTablesMatchAsAnAlternation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		phrases    []string
		text       string
		ignoreCase bool
		boundaries bool
		want       []string
	}{
		{[]string{"green tea", "tea"}, "Green tea, teapot and tea", true, true, []string{"Green tea", "tea"}},
		{[]string{"tea", "tea pot"}, "tea pot", false, true, []string{"tea"}},
		{[]string{"new", "new york city", "new york"}, "new york city", false, true, []string{"new"}},
		{[]string{"york"}, "newyork york", false, false, []string{"york", "york"}},
		{[]string{"José"}, "JOSÉ josé", true, true, []string{"JOSÉ", "josé"}},
		{[]string{"C++"}, "C++ C++x", false, true, []string{"C++"}}, // \bC\+\+\b wants a word character behind
		{[]string{"", "a"}, "a", false, true, []string{"a"}},
		{[]string{"İstanbul"}, "istanbul ISTANBUL ıstanbul", true, true, []string{"istanbul", "ISTANBUL", "ıstanbul"}},
	} {
		var got []string
		newPhrases(c.phrases, c.ignoreCase, c.boundaries).find(c.text, func(start, end, _ int) { got = append(got, c.text[start:end]) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q in %q (-want +got):\n%s", c.phrases, c.text, diff)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{`\d+`, `(?P<a>x)(?P=a)`, `[]\w-]+\b`, `(?i:a)(?#c)\u00e9`, "(?<=a)b+?", `\x41{2,3}\Z`} {
		f.Add(s, "aab é 12 x-y")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		p, err := compilePattern(source, false)
		if err != nil {
			return
		}
		text = strings.ToValidUTF8(text, "\uFFFD")
		p.find(text, func(start, end int) {
			if start < 0 || end < start || end > len(text) {
				t.Fatalf("%q in %q: match at %d-%d", source, text, start, end)
			}
		})
	})
}
