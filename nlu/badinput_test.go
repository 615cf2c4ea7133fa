package nlu

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/dialogue"
	"parley/livetest"
)

// badPipeline has every component that learns from texts or looks at them.
func badPipeline() []Config {
	return append(DefaultPipeline(), configs("KeywordIntentClassifier", "LogisticRegressionClassifier", "CRFEntityExtractor", "RegexEntityExtractor")...)
}

// entity is an annotation.
func entity(name string, start, end int) dialogue.Entity {
	return dialogue.Entity{Entity: name, Value: name, Start: start, End: end}
}

// TestBadTrainingData has a case for each kind of data that teaches little or contradicts itself: training ends soon, tells what is
// wrong, and the model answers.
func TestBadTrainingData(t *testing.T) {
	t.Parallel()
	examples := func(intent string, texts ...string) (out []Example) {
		for _, text := range texts {
			out = append(out, Example{Text: text, Intent: intent, File: "nlu.yml", Line: 7})
		}
		return out
	}
	bye := examples("bye", "bye", "see you", "good night")
	city := func(text string, bounds ...int) Example {
		e := Example{Text: text, Intent: "go", File: "nlu.yml", Line: 7}
		for i := 0; i < len(bounds); i += 2 {
			e.Entities = append(e.Entities, entity("city", bounds[i], bounds[i+1]))
		}
		return e
	}
	for name, c := range map[string]struct {
		examples []Example
		says     string // a warning, "" for none that must be
		ask      string
	}{
		"an intent with one example":       {append(examples("go", "fly me to Rome"), bye...), "", "fly me to Rome"},
		"one intent":                       {bye, "fewer than two intents", "bye"},
		"no examples":                      {nil, "fewer than two intents", "bye"},
		"all examples alike":               {append(examples("go", "hello", "hello", "hello"), examples("bye", "hello", "hello")...), "", "hello"},
		"all examples of an intent alike":  {append(examples("go", "hello", "hello", "hello"), bye...), "", "hello"},
		"entities that overlap":            {append([]Example{city("to New York", 3, 11, 7, 11)}, bye...), "nlu.yml:7: DIETClassifier: annotations overlap", "to New York"},
		"an entity twice":                  {append([]Example{city("to York", 3, 7, 3, 7)}, bye...), "annotations overlap", "to York"},
		"an entity that begins in a token": {append([]Example{city("to Yorkshire", 7, 12)}, bye...), "does not begin and end with a token", "to York"},
		"an entity that ends in a token":   {append([]Example{city("to Yorkshire", 3, 7)}, bye...), "nlu.yml:7: DIETClassifier: the annotation of city", "to York"},
		"an entity beyond the text":        {append([]Example{city("to York", 3, 99)}, bye...), "does not begin and end with a token", "to York"},
		"an entity without text":           {append([]Example{city("to York", 3, 3)}, bye...), "does not begin and end with a token", "to York"},
		"an entity before the text":        {append([]Example{city("to York", -3, 2)}, bye...), "does not begin and end with a token", "to York"},
		"entities with emoji and marks":    {append([]Example{city("to 🇫🇷 Ange\u0301", 6, 11), city("au cafe\u0301", 3, 8)}, bye...), "", "to Ange\u0301"},
		"one example each":                 {append(examples("go", "a"), examples("bye", "b")...), "", "a"},
		"empty texts":                      {append(examples("go", ""), examples("bye", " ")...), "", ""},
		"an entity and no intent":          {append([]Example{{Text: "Rome", Entities: []dialogue.Entity{entity("city", 0, 4)}}}, bye...), "", "Rome"},
		"one retrieval key":                {append([]Example{{Text: "a", Intent: "faq", ResponseKey: "faq/a"}}, bye...), "", "a"},
		"a regex as a keyword":             {append(examples("go", "what? (really"), bye...), "", "what? (really"},
		"an example of 10 kB":              {append(examples("go", strings.Repeat("fly away ", 1138)), bye...), "", "fly away"},
		"an example that is not UTF-8":     {append(examples("go", "fly\xff\xfe", "\xc3"), bye...), "", "fly"},
		"texts without spaces":             {append(examples("go", "フライトを予約してください", "สวัสดีครับ", "我想订一张机票"), bye...), "", "我想订机票"},
		"nothing but marks and controls":   {append(examples("go", "\u0301\u0302", "\x00\x01", "\u200d", "..."), bye...), "", "\u0301"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := &TrainingData{Examples: c.examples, Regexes: []Regex{{Name: "city", Pattern: `York\b`}}}
			told := ""
			begun := time.Now()
			p, err := Train(t.Context(), badPipeline(), data, TrainOptions{Language: "en", Warn: func(w string) { told += w + "\n" }})
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(begun); d > 5*time.Minute { // a second or two, where there is nothing else to do
				t.Errorf("training took %v", d)
			}
			if !strings.Contains(told, c.says) {
				t.Errorf("warnings:\n%s lack %q", told, c.says)
			}
			loaded, err := load(sections(t, p))
			if err != nil {
				t.Fatal(err)
			}
			check(t, loaded, c.ask)
		})
	}
}

// check parses a text and looks at what every answer must keep to.
func check(t *testing.T, p *Pipeline, text string) {
	t.Helper()
	got := parse(t, p, text)
	if !utf8.ValidString(*got.Text) {
		t.Errorf("the text of the answer is not UTF-8: %q", *got.Text)
	}
	n := utf8.RuneCountInString(*got.Text)
	for _, at := range got.Tokens {
		if at[0] < 0 || at[0] > at[1] || at[1] > n {
			t.Errorf("a token at %v of %d characters", at, n)
		}
	}
	for _, e := range got.Entities {
		if e.Start < 0 || e.Start >= e.End || e.End > n {
			t.Errorf("an entity at %d–%d of %d characters", e.Start, e.End, n)
		}
	}
	if c := got.Intent.Confidence; c < 0 || c > 1 {
		t.Errorf("confidence %v", c)
	}
}

// TestBadMessages has a case for each kind of message that nobody would type: the answer is whole, and comes soon.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	p := train(t, badPipeline(), starter())
	for name, text := range map[string]string{
		"empty":                    "",
		"10 kB of words":           strings.Repeat("fly me to Berlin 7 ", 540),
		"10 kB without spaces":     strings.Repeat("x", 10<<10),
		"10 kB of digits":          strings.Repeat("1", 10<<10),
		"10 kB of spaces":          strings.Repeat(" ", 10<<10),
		"10 kB of punctuation":     strings.Repeat("?!.", 3414),
		"10 kB of combining marks": "e" + strings.Repeat("\u0301", 5120),
		"10 kB of Chinese":         strings.Repeat("转账", 1707),
		"10 kB of emoji":           strings.Repeat("😀", 2560),
		"10 kB of invalid UTF-8":   strings.Repeat("\xff", 10<<10),
		"invalid UTF-8":            "fly \xff\xfe to \xc3 Berlin",
		"a surrogate":              "fly \xed\xa0\x80 to Berlin",
		"combining marks":          "fly me to Be\u0301rlin Z\u0351\u036b\u0343a\u0363\u0328l\u0488g\u0321o",
		"text without spaces":      "flymefromberlintosanfrancisco",
		"Thai":                     "สวัสดีครับผมอยากไปเบอร์ลิน",
		"NUL and controls":         "fly\x00me\x01to\x1fBerlin\x7f",
		"right to left":            "\u202efly me\u202c שלום",
		"joiners":                  "fly\u200dme\u200cto\ufeffBerlin",
		"line separators":          "fly me\u2028to\u2029Berlin\r\n\v\f",
		"slashes":                  "/" + strings.Repeat("{", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			livetest.Paced(t, func(second time.Duration) error {
				begun := time.Now()
				check(t, p, text)
				if d := time.Since(begun); d > 10*second {
					return fmt.Errorf("took %v", d)
				}
				return nil
			})
		})
	}
}

// TestMemoryOfALongMessage does not run beside other tests, which would count.
func TestMemoryOfALongMessage(t *testing.T) { //nolint:paralleltest // it measures what is allocated
	p := train(t, badPipeline(), starter())
	text := strings.Repeat("fly me to Berlin 7 ", 540) // 10 kB, 2 700 tokens
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	check(t, p, text)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
		t.Errorf("a message of %d bytes takes %d MB", len(text), got>>20)
	} else {
		t.Logf("%d kB for a message of %d bytes", got>>10, len(text))
	}
}
