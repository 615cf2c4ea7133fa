package policy_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
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
			"other format": func(b []byte) []byte { return bytes.Replace(b, []byte("policy 1"), []byte("policy 9"), 1) },
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
	for i, name := range names {
		_, body, _ := bytes.Cut(good[name], []byte("\n"))
		f.Add(i, body)
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		bad := maps.Clone(good)
		bad[names[uint(which)%uint(len(names))]] = policy.Sealed(body)
		loaded, err := policy.Load(bad.get, d)
		if err != nil {
			return
		}
		at := dialogue.NewTracker("", d)
		for _, event := range []dialogue.Event{act(dialogue.ActionListen), user("faq_000"), act("utter_faq_000"), act(dialogue.ActionListen), user("intent_001")} {
			if p, err := loaded.Predict(t.Context(), at); err == nil && p.Action == "" {
				t.Error("a prediction without an action")
			}
			at.Append(event)
		}
	})
}
