package policy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"

	"parley/policy"
	"parley/project"
)

const shared = "../../shared"

// loadBot reads a bot of the examples, by its folder's name. The test is skipped when the examples are not beside the repository.
func loadBot(t testing.TB, name string) *project.Project {
	t.Helper()
	for _, dir := range []string{"conformance/bots", "bots"} {
		dir := filepath.Join(shared, dir, name)
		if _, err := os.Stat(filepath.Join(dir, "config.yml")); err != nil {
			continue
		}
		p, err := project.Load(project.Paths{
			Config: filepath.Join(dir, "config.yml"), Domain: domainOf(dir), Data: []string{filepath.Join(dir, "data")},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Skipf("the bot %s is not beside this repository", name)
	return nil
}

func domainOf(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "domain.yml")); err == nil {
		return filepath.Join(dir, "domain.yml")
	}
	return filepath.Join(dir, "domain")
}

func TestTrainingStoriesAreAsManyAsInTheReference(t *testing.T) {
	t.Parallel()
	goldens, err := filepath.Glob(filepath.Join(shared, "conformance/loader/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(goldens) == 0 {
		t.Skip("the goldens of the loader are not beside this repository")
	}
	for _, file := range goldens {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var golden struct {
				Trackers map[string]policy.Counts `json:"trackers"`
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &golden); err != nil {
				t.Fatal(err)
			}
			p := loadBot(t, name)
			for key, augmentation := range map[string]int{"augmentation_0": 0, "augmentation_50": 50} {
				got, err := policy.CountStories(t.Context(), p.Domain, p.Steps, augmentation, 42)
				if err != nil {
					t.Fatal(err)
				}
				want := golden.Trackers[key]
				if augmentation == 0 && got != want {
					t.Errorf("%s:\n got %+v\nwant %+v", key, got, want)
				}
				if augmentation > 0 && !alike(got, want) {
					t.Errorf("%s:\n got %+v\nwant about %+v", key, got, want)
				}
			}
		})
	}
}

// alike reports whether counts that depend on chance are of the same size. Of short histories the reference has more in bots with
// forms: where loops repeat it pairs actions with the states of others.
func alike(a, b policy.Counts) bool {
	near := func(x, y, percent int) bool { return 100*x <= (100+percent)*y+1000 && 100*y <= (100+percent)*x+1000 }
	return a.Rules == b.Rules && a.FiveOriginal == b.FiveOriginal && near(a.Stories, b.Stories, 20) &&
		near(a.Augmented, b.Augmented, 20) && near(a.Events, b.Events, 20) && near(a.Unlimited, b.Unlimited, 20) &&
		near(a.Five, b.Five, 60) && near(a.LastStates, b.LastStates, 20)
}

// goldenEvent is an event of a training story as the goldens of the loader write it.
type goldenEvent struct {
	Event    string         `json:"event"`
	Name     *string        `json:"name"`
	Text     *string        `json:"text"`
	Intent   *string        `json:"intent"`
	Value    any            `json:"value"`
	Entities []goldenEntity `json:"entities"`
}

type goldenEntity struct {
	Entity string `json:"entity"`
	Value  any    `json:"value"`
	Role   string `json:"role,omitempty"`
	Group  string `json:"group,omitempty"`
}

func TestTrainingStoriesOfSmallInputsAreThoseOfTheReference(t *testing.T) {
	t.Parallel()
	goldens, err := filepath.Glob(filepath.Join(shared, "conformance/loader/cases/*/expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(goldens) == 0 {
		t.Skip("the goldens of the loader are not beside this repository")
	}
	for _, file := range goldens {
		var golden struct {
			Options map[string]any `json:"options"`
			Expect  struct {
				Trackers [][]goldenEvent `json:"trackers"`
			} `json:"expect"`
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(`"trackers": true`)) {
			continue
		}
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			p, err := project.Load(project.Paths{Domain: domainOf(dir), Data: []string{filepath.Join(dir, "data")}})
			if err != nil {
				t.Fatal(err)
			}
			stories, err := policy.StoryEvents(p.Domain, p.Steps)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, events := range stories {
				got = append(got, jsonOf(t, asGolden(events)))
			}
			for _, events := range golden.Expect.Trackers {
				want = append(want, jsonOf(t, events))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("training stories (-want +got):\n%s", diff)
			}
		})
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func asGolden(events []dialogue.Event) []goldenEvent {
	all := []goldenEvent{}
	for _, e := range events {
		g := goldenEvent{Event: string(e.Kind())}
		switch e := e.(type) {
		case *dialogue.UserUttered:
			g.Text, g.Entities = e.Text, []goldenEntity{}
			if e.Parse.Intent.Name != "" {
				g.Intent = &e.Parse.Intent.Name
			}
			for _, x := range e.Parse.Entities {
				g.Entities = append(g.Entities, goldenEntity{x.Entity, x.Value, x.Role, x.Group})
			}
		case *dialogue.ActionExecuted:
			g.Name = &e.Name
		case *dialogue.SlotSet:
			g.Name, g.Value = &e.Name, e.Value
		case *dialogue.ActiveLoop:
			g.Name = &e.Name
		}
		all = append(all, g)
	}
	return all
}
