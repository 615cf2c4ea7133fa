package evaluate

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/model"
	"parley/policy"
	"parley/project"
)

// share is how many actions of a bot's stories rules and memory decide, and how many of those as the stories say.
type share struct {
	Stories, Whole          int // stories, and those in which all is decided and right
	Actions, Decided, Right int
}

// TestSharedBotsHoldTheirStories trains public Rasa bots without their learned policies, and replays their test stories, or their
// training stories where they have no tests: whatever rules and memory decide must be what the stories say. The reference trained in
// the same way counts the same stories and actions and finds all of them right, too.
func TestSharedBotsHoldTheirStories(t *testing.T) {
	t.Parallel()
	bots := filepath.Join("..", "..", "shared", "bots")
	if _, err := os.Stat(bots); err != nil {
		t.Skip("the public bots in ../shared/bots are missing")
	}
	for _, bot := range []struct {
		name, stories string
		want          share
	}{
		{"formbot", "tests", share{3, 3, 29, 29, 29}},
		{"concertbot", "data", share{6, 6, 22, 22, 22}},
		{"reminderbot", "data", share{1, 1, 4, 4, 4}},
		{"financial-demo", "tests", share{48, 48, 317, 317, 317}},
		{"helpdesk-assistant", "tests", share{12, 12, 50, 50, 50}},
	} {
		t.Run(bot.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(bots, bot.name)
			load := func(data string) *project.Project {
				p, err := project.Load(project.Paths{
					Config: filepath.Join(dir, "config.yml"), Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, data)},
				})
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			p := load("data")
			p.Config.Policies = slices.DeleteFunc(p.Config.Policies, func(c policy.Config) bool { return c.Name == "TEDPolicy" || c.Name == "UnexpecTEDIntentPolicy" })
			m, err := model.Train(t.Context(), p, model.Options{CoreOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			tests := load(bot.stories)
			result, err := Stories(t.Context(), m, tests.Steps, StoryOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := share{Stories: len(result.Stories)}
			for i := range result.Stories {
				s := &result.Stories[i]
				whole := true
				for _, a := range s.results {
					decided := a.Confidence == 1
					right := a.Action == a.Predicted
					got.Actions++
					if decided {
						got.Decided++
						if right {
							got.Right++
						} else {
							t.Errorf("story %q (%s:%d): %s predicts %s, the story says %s", s.Name, s.File, s.Line, a.Policy, a.Predicted, a.Action)
						}
					}
					whole = whole && decided && right
				}
				if whole {
					got.Whole++
				}
			}
			t.Logf("%d of %d actions are decided by rules and memory, %d as the stories say; %d of %d stories wholly",
				got.Decided, got.Actions, got.Right, got.Whole, got.Stories)
			if diff := cmp.Diff(bot.want, got); diff != "" {
				t.Errorf("share (-want +got):\n%s", diff)
			}
		})
	}
}
