package nlu

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// intentsOnly is the default pipeline without what needs entities or retrieval intents.
func intentsOnly() []Config {
	return []Config{
		{Name: "WhitespaceTokenizer"},
		{Name: "RegexFeaturizer"},
		{Name: "LexicalSyntacticFeaturizer"},
		{Name: "CountVectorsFeaturizer"},
		{Name: "CountVectorsFeaturizer", Options: map[string]any{"analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4}},
		{Name: "DIETClassifier", Options: map[string]any{"epochs": 100, "entity_recognition": false}},
		{Name: "FallbackClassifier", Options: map[string]any{"threshold": 0.3, "ambiguity_threshold": 0.1}},
	}
}

// TestAccuracyOnPublicData is the measurement that make bench-nlu prints. It takes long, so it needs PARLEY_BENCH_NLU=1.
func TestAccuracyOnPublicData(t *testing.T) {
	if os.Getenv("PARLEY_BENCH_NLU") == "" {
		t.Skip("set PARLEY_BENCH_NLU=1 to measure accuracy on the public data sets")
	}
	for _, c := range []struct {
		name, train, test string
		least             float64
	}{
		{"BANKING77", "banking77", "banking77", 91.4},
		{"BANKING77, 10 examples each", "banking77-10shot", "banking77", 76},
		{"CLINC150", "clinc150", "clinc150", 93.4},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := readNLU(t, shared(t, "nlu", c.train, "train.yml"))
			test := readNLU(t, shared(t, "nlu", c.test, "test.yml"))
			begin := time.Now()
			p := train(t, intentsOnly(), data)
			took := time.Since(begin)
			right, lost := 0, 0
			times := make([]time.Duration, 0, len(test.Examples))
			for _, e := range test.Examples {
				begin := time.Now()
				got := parse(t, p, e.Text)
				times = append(times, time.Since(begin))
				best := got.Ranking[0]
				if best.Name == fallbackIntent {
					best = got.Ranking[1]
				}
				if best.Name == e.Intent {
					right++
					if got.Intent.Name == fallbackIntent {
						lost++
					}
				}
			}
			slices.Sort(times)
			accuracy := 100 * float64(right) / float64(len(test.Examples))
			t.Logf("%d examples, %d intents: trained in %.2f s on %d cores; accuracy %.2f %%; fallback among right answers %.1f %%; parse p50 %v, p99 %v",
				len(data.Examples), len(p.components[5].(*dietClassifier).learner.labels), took.Seconds(), runtime.GOMAXPROCS(0), accuracy,
				100*float64(lost)/float64(right), times[len(times)/2], times[len(times)*99/100])
			if accuracy < c.least {
				t.Errorf("accuracy %.2f %%, want at least %.1f %%", accuracy, c.least)
			}
			if c.name == "CLINC150" {
				file, err := os.Open(filepath.Join(shared(t, "nlu", "clinc150"), "oos_test.txt"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = file.Close() }()
				caught, all := 0, 0
				for lines := bufio.NewScanner(file); lines.Scan(); all++ {
					if parse(t, p, lines.Text()).Intent.Name == fallbackIntent {
						caught++
					}
				}
				t.Logf("out of scope: %.1f %% of %d caught by the fallback", 100*float64(caught)/float64(all), all)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	p := train(b, DefaultPipeline(), starter())
	for name, text := range map[string]string{"greeting": "hello there", "entities": "please fly me from Berlin to San Francisco"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parse(b, p, text)
			}
		})
	}
}

func BenchmarkTrainStarter(b *testing.B) {
	data := starter()
	b.ReportAllocs()
	for b.Loop() {
		train(b, DefaultPipeline(), data)
	}
}

func BenchmarkLoad(b *testing.B) {
	s := sections(b, train(b, DefaultPipeline(), starter()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWhitespaceTokens(b *testing.B) {
	b.ReportAllocs()
	var tokens []token
	for b.Loop() {
		tokens = whitespaceTokens(tokens[:0], "Hello there, I'd like to book a table for two at 7:30pm tomorrow!", false)
	}
}
