package evaluate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/dialogue"
	"parley/model"
	"parley/policy"
)

// StoryOptions are the knobs of an evaluation of stories.
type StoryOptions struct {
	// EndToEnd understands the texts of user steps and compares intents and entities too. Without it the user means what the
	// stories say.
	EndToEnd bool
	// FailOnErrors makes the first story that is not predicted right an error, a *WrongPredictionError.
	FailOnErrors bool
	// MaxStories is how many stories are evaluated at most; 0: all.
	MaxStories int
	// MaxPredictions is how many actions may follow a message (MAX_NUMBER_OF_PREDICTIONS); 0: 10.
	MaxPredictions int
	// Progress, when set, is told how many stories are done. It may be called from several goroutines.
	Progress func(done, total int)
	// Warn, when set, is told what a user should know.
	Warn func(message string)
}

// Story is a story that was replayed.
type Story struct {
	Name    string
	File    string
	Line    int
	Failed  bool // an action, an intent or an entity is not what the story says
	Warned  bool // not failed, but UnexpecTEDIntentPolicy found an intent unlikely where the story does not say so
	tracker *dialogue.Tracker
	notes   map[dialogue.Event]*note

	actions, intents        []pair
	spansWanted, spansFound []spanned
	policyEntities          []tokenLabels
	results                 []ActionResult
	misheard                bool
	severity                float64
}

// pair is what a story says and what was predicted.
type pair struct{ target, predicted string }

// ActionResult is an action of a story and what was predicted in its place.
type ActionResult struct {
	Action, Predicted string
	Policy            string // "" is null
	Confidence        float64
}

// StoryResult is how well a model replays stories.
type StoryResult struct {
	EndToEnd bool
	Stories  []Story
	Actions  []ActionResult // of all stories, in order
	// Report scores actions and, end to end, intents and annotated entities such as "[Rome](city)" by their names.
	Report *Report
	// Confusion counts actions only.
	Confusion *Confusion
	// Entities scores, by policy, the entities that policies found in messages.
	Entities []EntityResult
}

// WrongPredictionError is a story that was not predicted right. Story is the story in YAML up to the mistake, which a comment tells.
type WrongPredictionError struct {
	Message string
	Story   string
}

// Error is the message with the story.
func (e *WrongPredictionError) Error() string { return e.Message + " Failed story:\n\n" + e.Story }

// policyExtractors are the policies that find entities. The reference reports on them even when the model has none of them.
var policyExtractors = []string{"TEDPolicy"}

// Stories replays the stories among steps and compares what they say with what the model predicts. Rules are left out.
func Stories(ctx context.Context, m *model.Model, steps []dialogue.StoryStep, o StoryOptions) (*StoryResult, error) {
	conversations, err := policy.Conversations(ctx, m.Domain, steps, o.Warn)
	if err != nil {
		return nil, fmt.Errorf("prepare the stories: %w", err)
	}
	warnOfUtterances(m.Domain, steps, o.Warn)
	if o.MaxStories > 0 {
		conversations = conversations[:min(o.MaxStories, len(conversations))]
	}
	if o.MaxPredictions <= 0 {
		o.MaxPredictions = 10
	}
	r := &StoryResult{EndToEnd: o.EndToEnd, Stories: make([]Story, len(conversations))}
	wrong := make([]*WrongPredictionError, len(conversations)) // the first in order is the error, whichever is found first
	err = each(ctx, len(conversations), o.Progress, func(ctx context.Context, i int) error {
		p := newReplay(m, &conversations[i], o)
		err := p.run(ctx)
		if errors.As(err, &wrong[i]) {
			return nil
		}
		r.Stories[i] = p.story
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, err := range wrong {
		if err != nil {
			return nil, err
		}
	}
	r.score()
	return r, nil
}

// warnOfUtterances warns of texts of the bot in stories that no training story has.
func warnOfUtterances(d *dialogue.Domain, steps []dialogue.StoryStep, warn func(message string)) {
	for _, step := range steps {
		for _, e := range step.Events {
			a, ok := e.(*dialogue.ActionExecuted)
			if ok && warn != nil && a.Text != "" && !slices.Contains(d.EndToEndActions, a.Text) {
				warn(fmt.Sprintf("the story %q in %s contains the utterance %q, which is not part of the training data", step.Name, step.File, a.Text))
			}
		}
	}
}

// score sums the stories up.
func (r *StoryResult) score() {
	var actions, intents, spans []pair
	var texts []tokenLabels
	var targets, found []spanned
	for i := range r.Stories {
		s := &r.Stories[i]
		r.Actions = append(r.Actions, s.results...)
		actions, intents = append(actions, s.actions...), append(intents, s.intents...)
		targets, found = append(targets, s.spansWanted...), append(found, s.spansFound...)
		texts = append(texts, s.policyEntities...)
	}
	spans = align(targets, found)
	wanted, predicted := unzip(slices.Concat(actions, intents, spans))
	r.Report = classify(wanted, predicted, "")
	r.Confusion = confuse(unzip(actions))
	r.Entities = entityResults(texts, policyExtractors)
}

func unzip(pairs []pair) (targets, predictions []string) {
	for _, p := range pairs {
		targets, predictions = append(targets, p.target), append(predictions, p.predicted)
	}
	return targets, predictions
}

// Correct is how many stories did not fail.
func (r *StoryResult) Correct() int { return len(r.where(func(s *Story) bool { return !s.Failed })) }

// Warned is how many stories have warnings.
func (r *StoryResult) Warned() int { return len(r.where(func(s *Story) bool { return s.Warned })) }

// title is the story's name as result files give it.
func (s *Story) title() string {
	if s.File == "" {
		return s.Name
	}
	return s.Name + " (" + s.File + ")"
}
