package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/policy"
)

// sections are those of a saved ensemble, by name.
type sections map[string][]byte

var errMissing = errors.New("missing")

func (s sections) get(name string) ([]byte, error) {
	data, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, errMissing)
	}
	return data, nil
}

func save(t testing.TB, e *policy.Ensemble) sections {
	t.Helper()
	s := sections{}
	if err := e.Save(func(name string, data []byte) error { s[name] = data; return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadedEnsembleIsTheSavedOne(t *testing.T) {
	t.Parallel()
	for _, bot := range []string{"dlg-form", "dlg-forms-two", "dlg-features", "dlg-augmented", "dlg-maxhist", "dlg-stories", "e2ebot", "financial-demo"} {
		t.Run(bot, func(t *testing.T) {
			t.Parallel()
			p := loadBot(t, bot)
			configs := append(slices.Clip(p.Config.Policies),
				policy.Config{Name: "AugmentedMemoizationPolicy", Options: map[string]any{"max_history": 4}})
			e, err := policy.Train(t.Context(), configs, p.Domain, p.Steps, policy.TrainOptions{})
			if err != nil {
				t.Fatal(err)
			}
			first := save(t, e)
			loaded, err := policy.Load(first.get, p.Domain)
			if err != nil {
				t.Fatal(err)
			}
			second := save(t, loaded)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("saved again (-first +second):\n%s", diff)
			}
			if again, err := policy.Train(t.Context(), configs, p.Domain, p.Steps, policy.TrainOptions{}); err != nil {
				t.Error(err)
			} else if diff := cmp.Diff(first, save(t, again)); diff != "" {
				t.Errorf("trained again (-first +second):\n%s", diff)
			}
			compareTalks(t, e, loaded, p)
		})
	}
}

func TestLoadReportsWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := loadBot(t, "dlg-form")
	e, err := policy.Train(t.Context(), p.Config.Policies, p.Domain, p.Steps, policy.TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	good := save(t, e)
	for name, data := range good {
		for what, change := range map[string]func([]byte) []byte{
			"cut short":    func(b []byte) []byte { return b[:len(b)/2] },
			"empty":        func([]byte) []byte { return nil },
			"one byte":     func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"other format": func(b []byte) []byte { return bytes.Replace(b, []byte("policy 2"), []byte("policy 9"), 1) },
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				bad := maps.Clone(good)
				bad[name] = change(bytes.Clone(data))
				if _, err := policy.Load(bad.get, p.Domain); !errors.Is(err, policy.ErrCorrupt) {
					t.Errorf("got %v, want ErrCorrupt", err)
				}
			})
		}
	}
	if _, err := policy.Load(sections{}.get, p.Domain); !errors.Is(err, errMissing) {
		t.Errorf("without sections: got %v", err)
	}
	other := (&dialogue.Domain{Actions: dialogue.DefaultActions}).Finish()
	if _, err := policy.Load(good.get, other); !errors.Is(err, policy.ErrCorrupt) {
		t.Errorf("for another domain: got %v", err)
	}
}

func TestLoadSaysWhichVersionWroteAModel(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	good := save(t, train(t, p, with("TEDPolicy")))
	for form, want := range map[string]string{
		"policy 9 ": "newer version of Parley (form 9, this one reads 2)",
		"policy 1 ": "older version of Parley (form 1, this one reads 2)",
		"puzzle 2 ": "this is no policy",
	} {
		bad := maps.Clone(good)
		for name, data := range good {
			bad[name] = bytes.Replace(data, []byte("policy 2 "), []byte(form), 1)
		}
		if _, err := policy.Load(bad.get, p.Domain); !errors.Is(err, policy.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", form, err, want)
		}
	}
}

func TestLoadReportsWhatIsWrongWithLearnedPolicies(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	good := save(t, train(t, p, with("TEDPolicy"), with("UnexpecTEDIntentPolicy")))
	for _, c := range []struct {
		name, section string
		change        func(body map[string]any)
		want          string
	}{
		{"an action that the domain lacks", "policies.0.TEDPolicy", func(b map[string]any) { b["actions"].([]any)[0] = "utter_lost" }, `no action "utter_lost"`},
		{"an action too many", "policies.0.TEDPolicy", func(b map[string]any) { b["actions"] = append(b["actions"].([]any), "utter_never") }, "do not fit"},
		{"an action twice", "policies.0.TEDPolicy", func(b map[string]any) { a := b["actions"].([]any); a[1] = a[0] }, "do not fit"},
		{"a window with an action that stories lack", "policies.0.TEDPolicy", func(b map[string]any) { b["windows"] = map[string]any{"1": "utter_never"} }, `"utter_never" of a window`},
		{"a window that is no number", "policies.0.TEDPolicy", func(b map[string]any) { b["windows"] = map[string]any{"x": "utter_bye"} }, "learned weights"},
		{"more than certain", "policies.0.TEDPolicy", func(b map[string]any) { b["trust"] = 1.5 }, "1.5"},
		{"a slot that the domain lacks", "policies.0.TEDPolicy", func(b map[string]any) { b["scorer"].(map[string]any)["slots"] = []int{7} }, "slot 7"},
		{"weights cut short", "policies.0.TEDPolicy", func(b map[string]any) { s := b["scorer"].(map[string]any); s["weights"] = s["weights"].(string)[:400] }, "weights"},
		{"weights of the other policy", "policies.0.TEDPolicy", func(b map[string]any) { b["actions"] = b["actions"].([]any)[:2] }, "do not fit"},
		{"an intent that the domain lacks", "policies.1.UnexpecTEDIntentPolicy", func(b map[string]any) { b["intents"].([]any)[0] = "lost" }, `"lost"`},
		{"an intent twice", "policies.1.UnexpecTEDIntentPolicy", func(b map[string]any) { a := b["intents"].([]any); a[1] = a[0] }, "is none"},
		{"thresholds too few", "policies.1.UnexpecTEDIntentPolicy", func(b map[string]any) { b["thresholds"] = b["thresholds"].([]any)[1:] }, "do not fit"},
		{"thresholds of a wrong length", "policies.1.UnexpecTEDIntentPolicy", func(b map[string]any) { b["thresholds"].([]any)[0] = []float64{1} }, "do not fit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, text, _ := bytes.Cut(good[c.section], []byte("\n"))
			var body map[string]any
			if err := json.Unmarshal(text, &body); err != nil {
				t.Fatal(err)
			}
			c.change(body)
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			bad := maps.Clone(good)
			bad[c.section] = policy.Sealed(text)
			if _, err := policy.Load(bad.get, p.Domain); !errors.Is(err, policy.ErrCorrupt) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.section) {
				t.Errorf("got %v, want %q with ErrCorrupt and the name of the section", err, c.want)
			}
		})
	}
}

// FuzzLoad reads sections whose sums are right and whose content is not.
func FuzzLoad(f *testing.F) {
	d, steps := large(3, 3)
	configs := []policy.Config{{Name: "RulePolicy"}, {Name: "AugmentedMemoizationPolicy"}}
	e, err := policy.Train(f.Context(), configs, d, steps, policy.TrainOptions{})
	if err != nil {
		f.Fatal(err)
	}
	good := save(f, e)
	names := []string{"policies", "policies.vocabulary", "policies.0.RulePolicy", "policies.1.AugmentedMemoizationPolicy"}
	fuzzLoad(f, d, good, names, act(dialogue.ActionListen), user("faq_000"), act("utter_faq_000"), act(dialogue.ActionListen), user("intent_001"))
}

// FuzzLoadLearned does the same with the sections of learned policies.
func FuzzLoadLearned(f *testing.F) {
	p := write(f, teaDomain, teaStories)
	good := save(f, train(f, p, with("TEDPolicy"), with("UnexpecTEDIntentPolicy")))
	fuzzLoad(f, p.Domain, good, []string{"policies.0.TEDPolicy", "policies.1.UnexpecTEDIntentPolicy"},
		act(dialogue.ActionListen), user("greet"), act("utter_greet"), act(dialogue.ActionListen), user("thanks"))
}

// weightsOf finds the weights of a learned policy, which a sum of their own protects; fuzzing them would find nothing else.
var weightsOf = regexp.MustCompile(`"weights":"[^"]*"`)

// fuzzLoad replaces the content of one of the named sections. What can be loaded nevertheless must predict along a conversation.
func fuzzLoad(f *testing.F, d *dialogue.Domain, good sections, names []string, conversation ...dialogue.Event) {
	f.Helper()
	for i, name := range names {
		_, body, _ := bytes.Cut(good[name], []byte("\n"))
		f.Add(i, weightsOf.ReplaceAll(body, []byte(`"weights":"?"`)))
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		bad, name := maps.Clone(good), names[uint(which)%uint(len(names))]
		bad[name] = policy.Sealed(bytes.Replace(body, []byte(`"weights":"?"`), weightsOf.Find(good[name]), 1))
		loaded, err := policy.Load(bad.get, d)
		if err != nil {
			return
		}
		at := dialogue.NewTracker("", d)
		for _, event := range conversation {
			if p, err := loaded.Predict(t.Context(), at); err == nil && p.Action == "" {
				t.Error("a prediction without an action")
			}
			at.Append(event)
		}
	})
}
