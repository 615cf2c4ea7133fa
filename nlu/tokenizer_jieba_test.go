package nlu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chinese is a small assistant in Chinese.
func chinese() *TrainingData {
	d := &TrainingData{}
	for intent, texts := range map[string][]string{
		"greet": {"你好", "早上好", "您好啊"},
		"order": {"我想点一份宫保鸡丁", "来两瓶可乐", "我要一份炒饭"},
		"book":  {"帮我订一张去北京的机票", "我想订酒店", "订明天的火车票"},
	} {
		for _, text := range texts {
			d.Examples = append(d.Examples, Example{Text: text, Intent: intent})
		}
	}
	return d
}

// jieba is a pipeline for Chinese.
func jieba(options map[string]any) []Config {
	return []Config{
		{Name: "JiebaTokenizer", Options: options},
		{Name: "CountVectorsFeaturizer"},
		{Name: "DIETClassifier", Options: map[string]any{"epochs": 100}},
	}
}

func TestJiebaTokenizerCutsChinese(t *testing.T) {
	t.Parallel()
	p, err := Train(t.Context(), jieba(nil), chinese(), TrainOptions{Language: "zh"})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := load(sections(t, p))
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, loaded, "请订去上海的 酒店😀吧")
	want := [][2]int{{0, 2}, {2, 3}, {3, 5}, {5, 6}, {6, 7}, {7, 9}, {9, 10}, {10, 11}}
	if diff := cmp.Diff(want, got.Tokens); diff != "" {
		t.Errorf("offsets in code points (-want +got):\n%s", diff)
	}
	if got.Intent.Name != "book" {
		t.Errorf("intent %v, want book", got.Intent)
	}
	if got := parse(t, loaded, ""); len(got.Tokens) != 0 {
		t.Errorf("an empty text has the tokens %v", got.Tokens)
	}
}

func TestJiebaTokenizerKeepsTheDictionariesOfTheProject(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, lines := range map[string]string{"a.txt": "宫保鸡丁 3 n\n", "b.txt": "\ufeff炒饭王\n\n", ".hidden": "\xff"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := Train(t.Context(), jieba(map[string]any{"dictionary_path": folder}), chinese(), TrainOptions{Language: "zh"})
	if err != nil {
		t.Fatal(err)
	}
	s := sections(t, p)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	loaded, err := load(s)
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]int{{0, 4}, {4, 5}, {5, 8}}
	if diff := cmp.Diff(want, parse(t, loaded, "宫保鸡丁和炒饭王").Tokens); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJiebaTokenizerRefuses(t *testing.T) {
	t.Parallel()
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "d.txt"), []byte("词 99999999999999999999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		language, folder string
		want             []string
	}{
		"another language": {"en", "", []string{"JiebaTokenizer", `"en"`}},
		"no folder":        {"zh", filepath.Join(bad, "nowhere"), []string{"JiebaTokenizer", "dictionary_path", "nowhere"}},
		"a file":           {"zh", filepath.Join(bad, "d.txt"), []string{"dictionary_path", "folder"}},
		"a bad line":       {"zh", bad, []string{"dictionary_path", "词", "frequency"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := map[string]any{}
			if c.folder != "" {
				options["dictionary_path"] = c.folder
			}
			_, err := Train(t.Context(), jieba(options), chinese(), TrainOptions{Language: c.language})
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v does not say %q", err, w)
				}
			}
		})
	}
}
