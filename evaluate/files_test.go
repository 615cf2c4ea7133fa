package evaluate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"parley/dialogue"
	"parley/model"
)

// filesOf lists the files below a folder.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func TestOnlyTheFilesThatWereAskedForAreWritten(t *testing.T) {
	t.Parallel()
	nluResult := evaluateNLU(t, "- intent: greet\n  examples: |\n    - hello\n    - good day\n- intent: inform\n  examples: |\n    - to [Rome](city)\n    - to [Berlin](city)\n")
	stories := replayed(t, "- story: s\n  steps:\n  - user: to [Berlin](city)\n    intent: inform\n  - action: utter_city\n", endToEnd)
	nluFiles := func(f Files) error { return nluResult.Write(f) }
	storyFiles := func(f Files) error { return stories.Write(f) }
	for name, c := range map[string]struct {
		write func(Files) error
		files Files
		want  string
	}{
		"reports": {nluFiles, Files{}, "RegexEntityExtractor_report.json intent_report.json"},
		"errors": {
			nluFiles,
			Files{Errors: true},
			"RegexEntityExtractor_errors.json RegexEntityExtractor_report.json intent_errors.json intent_report.json",
		},
		"successes": {
			nluFiles,
			Files{Successes: true},
			"RegexEntityExtractor_report.json RegexEntityExtractor_successes.json intent_report.json intent_successes.json",
		},
		"plots": {
			nluFiles,
			Files{Plots: true},
			"RegexEntityExtractor_confusion_matrix.json RegexEntityExtractor_confusion_matrix.svg RegexEntityExtractor_report.json " +
				"intent_confusion_matrix.json intent_confusion_matrix.svg intent_histogram.json intent_histogram.svg intent_report.json",
		},
		"story report": {storyFiles, Files{}, "TEDPolicy_report.json story_report.json"},
		"stories": {
			storyFiles,
			Files{Errors: true, Successes: true, Warnings: true},
			"TEDPolicy_errors.json TEDPolicy_report.json failed_test_stories.yml stories_with_warnings.yml story_report.json successful_test_stories.yml",
		},
		"story plots": {
			storyFiles,
			Files{Plots: true},
			"TEDPolicy_confusion_matrix.json TEDPolicy_confusion_matrix.svg TEDPolicy_report.json story_confusion_matrix.json story_confusion_matrix.svg story_report.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []string
			c.files.Dir = filepath.Join(t.TempDir(), "deep", "results")
			c.files.Wrote = func(path string) { told = append(told, filepath.Base(path)) }
			if err := c.write(c.files); err != nil {
				t.Fatal(err)
			}
			files := filesOf(t, c.files.Dir)
			if diff := cmp.Diff(strings.Fields(c.want), files); diff != "" {
				t.Error(diff)
			}
			slices.Sort(told)
			if diff := cmp.Diff(files, told); diff != "" {
				t.Errorf("told of other files: %s", diff)
			}
			for _, file := range files {
				checkFile(t, filepath.Join(c.files.Dir, file))
			}
		})
	}
}

// checkFile reads a file in the format of its name.
func checkFile(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(path) {
	case ".json":
		if !json.Valid(data) {
			t.Errorf("%s is no JSON: %s", path, data)
		}
	case ".svg":
		checkXML(t, data)
	case ".yml":
		var v any
		if err := yaml.Unmarshal(data, &v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func checkXML(t *testing.T, data []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
	}
}

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "file", "")
	if err := evaluateNLU(t, "- intent: a\n  examples: |\n    - a\n").Write(Files{Dir: filepath.Join(file, "results")}); err == nil {
		t.Error("no error")
	}
}

func TestPicturesShowAnyLabel(t *testing.T) {
	t.Parallel()
	labels := []string{"", "<b>&\"'", "\x00\x1b", strings.Repeat("long ", 30), "日本語"}
	c := confuse(labels, []string{"", "<b>&\"'", "a", "b", "c"})
	checkXML(t, confusionSVG("T & T", c))
	checkXML(t, confusionSVG("nothing", confuse(nil, nil)))
	checkXML(t, curveSVG("<t>", "x", "y", []int{10, 20}, []curve{{"<c>", [][]float64{{0.1, 0.2}, {0.3}}}, {"none", nil}}))
	checkXML(t, curveSVG("nothing", "x", "y", nil, nil))
	if a, b := confusionSVG("t", c), confusionSVG("t", c); !bytes.Equal(a, b) {
		t.Error("two pictures of one matrix differ")
	}
}

func TestHistogramCountsConfidencesByBin(t *testing.T) {
	t.Parallel()
	h := newHistogram([]float64{0, 0.039, 1, 0.999}, []float64{0.5, -1, 2})
	if h.correct[0] != 2 || h.correct[24] != 2 || h.wrong[12] != 1 || h.wrong[0] != 1 || h.wrong[24] != 1 {
		t.Errorf("got %+v", h)
	}
	checkXML(t, h.svg("t"))
	if got := string(appendValue(nil, h.object())); !strings.HasPrefix(got, `{"bins":[0.0,0.04,0.08,`) || !strings.Contains(got, `0.96,1.0],"correct":[2,0,`) {
		t.Errorf("got %s", got)
	}
}

func TestConfigurationsAreCompared(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("version: \"3.1\"\nnlu:\n")
	for _, intent := range []string{"greet", "stop"} {
		b.WriteString("- intent: " + intent + "\n  examples: |\n")
		for i := range 10 {
			b.WriteString("    - " + intent + " " + strings.Repeat("please ", i+1) + "\n")
		}
	}
	p := loadBot(t, map[string]string{"data/nlu.yml": b.String() + "- intent: rare\n  examples: |\n    - seldom\n"})
	learned := p.Config
	learned.Pipeline = loadBot(t, map[string]string{"config.yml": "recipe: default.v1\nlanguage: en\npipeline:\n- name: WhitespaceTokenizer\n" +
		"- name: CountVectorsFeaturizer\n- name: LogisticRegressionClassifier\npolicies: []\n"}).Config.Pipeline
	broken := p.Config
	broken.Pipeline = loadBot(t, map[string]string{"config.yml": "recipe: default.v1\nlanguage: en\npipeline:\n- name: NoSuchComponent\npolicies: []\n"}).Config.Pipeline

	dir := t.TempDir()
	var done int
	var warned []string
	c, err := Compare(t.Context(), p, CompareOptions{
		Configs: []NamedConfig{{"keyword", p.Config}, {"learned", learned}, {"broken", broken}}, Runs: 2, Exclude: []int{0, 50}, Files: Files{Dir: dir},
		Progress: func(n, total int) {
			if done = n; total != 12 {
				t.Errorf("total %d", total)
			}
		},
		Warn: func(m string) { warned = append(warned, m) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{16, 8}, c.Examples); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{{0, 0}, {0, 0}}, c.F1["broken"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{{1, 1}, {1, 1}}, c.F1["learned"]); diff != "" {
		t.Error(diff)
	}
	if done != 12 || !slices.ContainsFunc(warned, func(m string) bool { return strings.Contains(m, `"broken"`) }) {
		t.Errorf("%d of 12 done, warnings %q", done, warned)
	}
	files := filesOf(t, dir)
	for _, want := range []string{
		"results.json", "nlu_model_comparison_graph.svg", "run_1/test.yml", "run_2/50%_exclusion/train/train.yml", "run_1/0%_exclusion/train/responses.yml",
		"run_1/0%_exclusion/learned.tar.gz", "run_2/0%_exclusion/keyword_report/intent_report.json", "run_2/50%_exclusion/learned_report/intent_histogram.svg",
	} {
		if !slices.Contains(files, want) {
			t.Errorf("%s is missing in %q", want, files)
		}
	}
	results, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil || !strings.HasPrefix(string(results), "{\n  \"keyword\": [\n    [\n") {
		t.Errorf("%v, %s", err, results)
	}
	if _, err := model.Load(filepath.Join(dir, "run_1/0%_exclusion/learned.tar.gz")); err != nil {
		t.Error(err)
	}
}

func TestAComparisonNeedsExamplesAndDifferentNames(t *testing.T) {
	t.Parallel()
	p := loadBot(t, nil)
	_, err := Compare(t.Context(), p, CompareOptions{Configs: []NamedConfig{{"a", p.Config}}, Runs: 1, Exclude: []int{0}, Files: Files{Dir: t.TempDir()}})
	if !errors.Is(err, ErrTooFewExamples) {
		t.Errorf("got %v", err)
	}
	_, err = Compare(t.Context(), p, CompareOptions{Configs: []NamedConfig{{"a", p.Config}, {"a", p.Config}}, Runs: 1, Files: Files{Dir: t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("got %v", err)
	}
}

func TestModelsAreCompared(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	m := trainBot(t, nil)
	for _, name := range []string{"run_1/a__percentage__0.tar.gz", "run_1/a__percentage__50.tar.gz", "run_1/a__percentage__5.tar.gz", "run_2/a__percentage__0.tar.gz", "run_2/b__percentage__0.tar.gz"} {
		if err := m.Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const two = "- story: a\n  steps:\n  - intent: greet\n  - action: utter_greet\n- story: b\n  steps:\n  - intent: stop\n  - action: utter_greet\n"
	var tested []string
	o := ModelOptions{
		Stories: func(*dialogue.Domain) ([]dialogue.StoryStep, error) { return storySteps(t, m, two), nil }, Files: Files{Dir: out},
		Tested: func(path string, correct, total int) {
			if correct != 1 || total != 2 {
				t.Errorf("%s: %d of %d", path, correct, total)
			}
			tested = append(tested, filepath.Base(path))
		},
	}
	results := func() string {
		data, err := os.ReadFile(filepath.Join(out, "results.json"))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		short, _ := json.Marshal(v)
		return string(short)
	}
	if err := ModelFolder(t.Context(), dir, o); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without numbers of stories: got %v", err)
	}
	if got := results(); got != `{"a":[[1,1,1],[1]],"b":[[1]]}` {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"a__percentage__0.tar.gz", "a__percentage__5.tar.gz", "a__percentage__50.tar.gz"}, tested[:3]); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "num_stories.json"), []byte("[4, 3, 2]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ModelFolder(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	checkFile(t, filepath.Join(out, "core_model_comparison_graph.svg"))

	if err := Models(t.Context(), []string{filepath.Join(dir, "run_2/b__percentage__0.tar.gz"), filepath.Join(dir, "run_2/a__percentage__0.tar.gz")}, o); err != nil {
		t.Fatal(err)
	}
	if got := results(); got != `{"a__percentage__0.tar.gz":[1],"b__percentage__0.tar.gz":[1]}` {
		t.Errorf("got %s", got)
	}
	if err := ModelFolder(t.Context(), t.TempDir(), o); !errors.Is(err, ErrNoRuns) {
		t.Errorf("got %v", err)
	}
	if err := Models(t.Context(), []string{filepath.Join(dir, "none.tar.gz")}, o); !errors.Is(err, model.ErrNoModel) {
		t.Errorf("got %v", err)
	}
}

func FuzzStoryFile(f *testing.F) {
	f.Add("name", "to Rome", "city", "Rome", "utter_x")
	f.Add("a: b # c", "line\nline", "", "", "- x")
	f.Add("\u2028", "\x00", "'", "\"", "|")
	f.Fuzz(func(t *testing.T, name, text, entity, value, action string) {
		d := (&dialogue.Domain{}).Finish()
		tracker := dialogue.NewTracker(name, d)
		wrong, ran := &dialogue.UserUttered{Text: &text, Parse: dialogue.Parse{
			Intent: dialogue.Intent{Name: name}, Entities: []dialogue.Entity{{Entity: entity, Value: value, Start: 0, End: 1}},
		}}, &dialogue.ActionExecuted{Name: action}
		tracker.Append(wrong, &dialogue.SlotSet{Name: entity, Value: []any{value, 1, nil, map[string]any{name: value}}}, ran)
		s := &Story{Name: name, File: value, Failed: true, tracker: tracker, notes: map[dialogue.Event]*note{
			wrong: {wrongMessage: true, comment: commentOnMessage(text, action, wrong.Parse.Entities), found: []dialogue.Entity{{Entity: action, Value: text}}},
			ran:   {comment: "predicted: " + text},
		}}
		out := appendStories(nil, []*Story{s})
		var v struct{ Stories []struct{ Story string } }
		if err := yaml.Unmarshal(out, &v); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if len(v.Stories) != 1 {
			t.Errorf("%d stories in\n%s", len(v.Stories), out)
		}
	})
}
