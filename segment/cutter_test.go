package segment

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// goldens are texts and their words, from files that testdata/golden.py wrote.
func goldens(t *testing.T, path string) (texts []string, words [][]string) {
	t.Helper()
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line []json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		var text string
		if err := json.Unmarshal(line[0], &text); err != nil {
			t.Fatal(err)
		}
		list := []string{}
		at := 0
		for _, raw := range line[1:] {
			var word string
			var from, to int
			if err := json.Unmarshal(raw, &[]any{&word, &from, &to}); err != nil {
				t.Fatal(err)
			}
			if from != at || to != from+utf8.RuneCountInString(word) {
				t.Fatalf("%s: word %q stands at %d–%d, not at %d", path, word, from, to, at)
			}
			at = to
			list = append(list, word)
		}
		texts, words = append(texts, text), append(words, list)
	}
	if len(texts) == 0 {
		t.Fatalf("%s is empty", path)
	}
	return texts, words
}

func newCutter(t testing.TB, lines ...string) *Cutter {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if err := c.AddLine(line); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestCutGivesTheWordsOfJieba(t *testing.T) {
	t.Parallel()
	c := newCutter(t)
	path := "testdata/jieba.jsonl"
	if more := os.Getenv("JIEBA_GOLDENS"); more != "" {
		path = more
	}
	texts, want := goldens(t, path)
	for i, text := range texts {
		if diff := cmp.Diff(want[i], c.Cut([]string{}, text)); diff != "" {
			t.Errorf("%q (-jieba +Cut):\n%s", text, diff)
		}
	}
}

func TestCutHeedsWordsOfTheUser(t *testing.T) {
	t.Parallel()
	c := newCutter(t, "云计算 5", "李小福 2 nr", "八一双鹿 3 nz", "easy_install 3 eng", "凱特琳 nz", "", "今天天气", "台中", "中将 0", "小明硕士 n",
		"石墨烯 100000", "天 0")
	texts, want := goldens(t, "testdata/jieba-own.jsonl")
	for i, text := range texts {
		if diff := cmp.Diff(want[i], c.Cut([]string{}, text)); diff != "" {
			t.Errorf("%q (-jieba +Cut):\n%s", text, diff)
		}
	}
}

func TestAddLineRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"词 99999999999999999999": "frequency",
		"\xff\xfe":               "UTF-8",
	} {
		if err := newCutter(t).AddLine(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error about %s", line, err, want)
		}
	}
}

func TestUnpackRefusesOtherBytes(t *testing.T) {
	t.Parallel()
	if _, err := unpack(nil); err == nil {
		t.Error("no bytes: no error")
	}
	if _, err := unpack(packed[:len(packed)/2]); err == nil {
		t.Error("half of the bytes: no error")
	}
}

func FuzzCut(f *testing.F) {
	for _, s := range []string{"我来到北京清华大学", "a.1%b+", "龘靐\r\n 3.%", "\xff中", "小明硕士5%"} {
		f.Add(s, "小明硕士 3")
	}
	f.Fuzz(func(t *testing.T, text, line string) {
		c := newCutter(t)
		_ = c.AddLine(line)
		if got := strings.Join(c.Cut(nil, text), ""); got != text {
			t.Errorf("the words of %q make %q", text, got)
		}
	})
}

func BenchmarkCut(b *testing.B) {
	c := newCutter(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Cut(nil, "小明硕士毕业于中国科学院计算所，后在日本京都大学深造")
	}
}

func BenchmarkUnpack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}
