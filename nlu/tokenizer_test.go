package nlu

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// tokensOf gives the tokens of a text and their offsets in code points.
func tokensOf(text string) (words []string, offsets [][2]int) {
	m := &message{}
	m.reset(text, 0, 0)
	m.tokens, m.tokenized = whitespaceTokens(nil, text, false), true
	for _, t := range m.tokens {
		words = append(words, m.word(t))
	}
	return words, m.answer().Tokens
}

func TestWhitespaceTokenizerCutsAsRasa(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
		at   [][2]int // nil: not looked at
	}{
		{"hey ńöñàśçií how're you?", []string{"hey", "ńöñàśçií", "how", "re", "you"}, [][2]int{{0, 3}, {4, 12}, {13, 16}, {17, 19}, {20, 23}}},
		{
			"I'm 10'000.00 USD richer, a@b.com!",
			[]string{"I", "m", "10'000.00", "USD", "richer", "a@b.com"},
			[][2]int{{0, 1}, {2, 3}, {4, 13}, {14, 17}, {18, 24}, {26, 33}},
		},
		{"it's $5.50 (five-fifty).", []string{"it", "s", "$5.50", "five-fifty"}, nil},
		{"e.g. U.S.A. 3.14", []string{"e.g", "U.S.A", "3.14"}, [][2]int{{0, 3}, {5, 10}, {12, 16}}},
		{"hello,world", []string{"hello,world"}, nil},
		{"hello, world", []string{"hello", "world"}, nil},
		{"12:30pm 5%", []string{"12:30pm", "5"}, nil},
		{"-5 degrees", []string{"-5", "degrees"}, nil},
		{"C++ and C#", []string{"C", "and", "C#"}, [][2]int{{0, 1}, {4, 7}, {8, 10}}},
		{"#hash @user rock&roll", []string{"#hash", "@user", "rock&roll"}, nil},
		{"a/b and/or", []string{"a/b", "and/or"}, nil},
		{"co-op state-of-the-art", []string{"co-op", "state-of-the-art"}, nil},
		{"https://example.com/a?b=c&d=1#e", []string{"https://example.com/a?b=c&d=1#e"}, nil},
		{"tel: +1-800-555", []string{"tel", "+1-800-555"}, nil},
		{"price:10,5€", []string{"price:10,5"}, nil},
		{"don’t", []string{"don", "t"}, nil},
		{"''hi''", []string{"hi"}, [][2]int{{2, 4}}},
		{`"quoted text"`, []string{"quoted", "text"}, nil},
		{"...", []string{"..."}, [][2]int{{0, 3}}},
		{":) :(", []string{":) :("}, [][2]int{{0, 5}}},
		{"😀", []string{"😀"}, [][2]int{{0, 1}}},
		{"你好 世界", []string{"你好 世界"}, [][2]int{{0, 5}}},
		{"Dois 🙏🇺🇸", []string{"Dois"}, [][2]int{{0, 4}}},
		{"", []string{""}, [][2]int{{0, 0}}},
		{"/*\u200d½/…(9?", []string{"/", "(9"}, [][2]int{{0, 1}, {6, 8}}}, // Rasa finds the second slash at the first
	} {
		words, at := tokensOf(c.text)
		if diff := cmp.Diff(c.want, words); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
		if c.at != nil {
			if diff := cmp.Diff(c.at, at); diff != "" {
				t.Errorf("offsets of %q (-want +got):\n%s", c.text, diff)
			}
		}
	}
}

func TestKoreanWordsAreTokensInKoreanProjects(t *testing.T) {
	t.Parallel()
	tokens := whitespaceTokens(nil, "안녕 세계", true)
	if diff := cmp.Diff(2, len(tokens)); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

func TestTokenPatternCutsTokens(t *testing.T) {
	t.Parallel()
	p := train(t, []Config{{Name: "WhitespaceTokenizer", Options: map[string]any{"token_pattern": `[a-z]+|\d+`}}}, &TrainingData{})
	got := parse(t, p, "ab12-cd é")
	if diff := cmp.Diff([][2]int{{0, 2}, {2, 4}, {5, 7}, {8, 9}}, got.Tokens); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

func FuzzWhitespaceTokens(f *testing.F) {
	for _, s := range []string{"", "hello, world", "I'm 10'000.00 a@b.com!", "你好 😀 x", "a\u0301 \u200d\xff", "  -- 5 --5 (("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		end := 0
		for i, tok := range whitespaceTokens(nil, text, false) {
			if tok.start < end || tok.end < tok.start || tok.end > len(text) {
				t.Fatalf("token %d of %q lies at %v, after %d", i, text, tok, end)
			}
			if !utf8.ValidString(text[tok.start:tok.end]) {
				t.Fatalf("token %d of %q cuts a character", i, text)
			}
			end = tok.end
		}
		words, at := tokensOf(text)
		runes := []rune(text)
		for i, w := range words {
			if got := string(runes[at[i][0]:at[i][1]]); got != w {
				t.Fatalf("offsets %v of %q locate %q, not %q", at[i], text, got, w)
			}
		}
	})
}
