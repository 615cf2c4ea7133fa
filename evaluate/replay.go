package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
	"parley/model"
	"parley/policy"
)

// circuitBreaker is what is predicted once too many actions followed a message.
const circuitBreaker = "circuit breaker tripped"

// note is what a result file says of an event that was not predicted as the story says.
type note struct {
	comment string
	// wrongMessage marks a message that was misunderstood; found are its entities as they were understood.
	wrongMessage bool
	found        []dialogue.Entity
	// unlikely marks an action_unlikely_intent that the story does not have.
	unlikely bool
}

// replay walks over the events of a story with a tracker of its own, and compares the story with the model at each step (Rasa
// 3.6.21 core/test.py). It belongs to one goroutine.
type replay struct {
	m     *model.Model
	o     StoryOptions
	given []dialogue.Event
	story Story
	t     *dialogue.Tracker

	parsed map[string]*dialogue.Parse // by text
}

func newReplay(m *model.Model, c *policy.Conversation, o StoryOptions) *replay {
	return &replay{
		m: m, o: o, given: c.Tracker.Events(0), t: dialogue.NewTracker(c.Name, m.Domain), parsed: map[string]*dialogue.Parse{},
		story: Story{Name: c.Name, File: c.File, Line: c.Line, notes: map[dialogue.Event]*note{}},
	}
}

// run replays the story. The first event is there from the beginning: nothing comes before it to predict it from. The error is a
// *WrongPredictionError when mistakes are to be errors.
func (p *replay) run(ctx context.Context) error {
	for i, e := range p.given {
		var err error
		switch e := e.(type) {
		case *dialogue.ActionExecuted:
			if i == 0 {
				p.t.Append(e)
				continue
			}
			err = p.action(ctx, e)
		case *dialogue.UserUttered:
			if i == 0 || !p.o.EndToEnd {
				p.t.Append(e)
				continue
			}
			err = p.message(ctx, e)
		default:
			p.t.Append(e)
		}
		if err != nil {
			return err
		}
	}
	p.story.tracker = p.t
	p.story.Failed = p.story.failed()
	p.story.Warned = p.story.Warned && !p.story.Failed
	return nil
}

// parse is what the model makes of a text.
func (p *replay) parse(ctx context.Context, text string) (*dialogue.Parse, error) {
	if parse, ok := p.parsed[text]; ok {
		return parse, nil
	}
	parse, err := understand(ctx, p.m, text)
	if err != nil {
		return nil, fmt.Errorf("story %q: understand %q: %w", p.story.title(), text, err)
	}
	p.parsed[text] = &parse
	return &parse, nil
}

// message compares what the story says of a message with what the model understands.
func (p *replay) message(ctx context.Context, e *dialogue.UserUttered) error {
	predicted, text := &e.Parse, ""
	if e.Text != nil && *e.Text != "" {
		text = *e.Text
		var err error
		if predicted, err = p.parse(ctx, text); err != nil {
			return err
		}
	}
	gold := e.Parse.Intent.Name
	if full, _ := e.Parse.Intent.Extra["full_retrieval_intent_name"].(string); full != "" {
		gold = full
	}
	intent := predicted.Intent.Name
	if gold != intent {
		intent = fullIntent(predicted)
	}
	p.story.intents = append(p.story.intents, pair{gold, intent})
	targets, found := spansOf(text, e.Parse.Entities), spansOf(text, predicted.Entities)
	if text != "" {
		p.story.spansWanted, p.story.spansFound = append(p.story.spansWanted, targets...), append(p.story.spansFound, found...)
	}
	// A step without an intent never matches: not even a message that was not understood.
	sameIntent := gold == intent && (gold != "" || text == "")
	if sameIntent && sameSpans(targets, found) {
		heard := &dialogue.UserUttered{Text: e.Text, Parse: e.Parse}
		heard.Parse.Selector = predicted.Selector
		p.t.Append(heard)
		return nil
	}
	p.story.misheard = true
	misheard := &dialogue.UserUttered{Text: e.Text, Parse: dialogue.Parse{Intent: dialogue.Intent{Name: gold, NoConfidence: true}}}
	for _, s := range targets {
		misheard.Parse.Entities = append(misheard.Parse.Entities, s.entity)
	}
	n := &note{wrongMessage: true, comment: commentOnMessage(text, intent, predicted.Entities)}
	for _, s := range found {
		n.found = append(n.found, s.entity)
	}
	p.story.notes[misheard] = n
	p.t.Append(misheard)
	if p.o.FailOnErrors {
		return p.fail("The model understood a wrong intent or wrong entities.")
	}
	return nil
}

// fullIntent is the predicted intent, for a retrieval intent with the response key that a selector chose.
func fullIntent(p *dialogue.Parse) string {
	names, _ := p.Selector["all_retrieval_intents"].([]any)
	if !containsText(names, p.Intent.Name) {
		return p.Intent.Name
	}
	selector := "default"
	if p.Selector[selector] == nil {
		selector = p.Intent.Name
	}
	if at, _ := p.Selected(selector); at.Key != "" {
		return at.Key
	}
	return p.Intent.Name
}

// action compares an action of the story with what the model predicts. It never runs: what it does, the story's next events say.
func (p *replay) action(ctx context.Context, e *dialogue.ActionExecuted) error {
	expected := e.NameOrText()
	predicted, prediction, err := p.predict(ctx, expected)
	if err != nil {
		return err
	}
	after := ""
	if predicted == dialogue.ActionUnlikelyIntent && expected != predicted {
		unlikely := executed(&dialogue.ActionExecuted{Name: predicted}, prediction)
		p.story.notes[unlikely] = &note{unlikely: true}
		p.story.Warned, p.story.severity = true, max(p.story.severity, severity(prediction.ActionMetadata))
		p.t.Append(unlikely)
		after = " after " + dialogue.ActionUnlikelyIntent
		if predicted, prediction, err = p.predict(ctx, expected); err != nil {
			return err
		}
	}
	p.story.actions = append(p.story.actions, pair{expected, predicted})
	p.story.results = append(p.story.results, ActionResult{expected, predicted, prediction.Policy, prediction.Confidence})
	ran := executed(e, prediction)
	switch {
	case predicted != expected:
		p.story.notes[ran] = &note{comment: "predicted: " + predicted + after}
	case after != "":
		p.story.notes[ran] = &note{comment: "predicted: " + dialogue.ActionUnlikelyIntent}
	}
	p.t.Append(ran)
	if predicted != expected && predicted != dialogue.ActionUnlikelyIntent && p.o.FailOnErrors {
		return p.fail("The model predicted a wrong action.")
	}
	return nil
}

// executed is the event of an action that the story names and a prediction comes with.
func executed(e *dialogue.ActionExecuted, p policy.Prediction) *dialogue.ActionExecuted {
	ran := &dialogue.ActionExecuted{Name: e.Name, Text: e.Text, Policy: p.Policy, Confidence: &p.Confidence}
	ran.Metadata = p.ActionMetadata
	return ran
}

// predict is the next action. When it is the active form and the story goes on with something else, the form is taken to have
// rejected the message, and the model is asked once more.
func (p *replay) predict(ctx context.Context, expected string) (string, policy.Prediction, error) {
	if p.tripped() {
		return circuitBreaker, policy.Prediction{}, nil
	}
	prediction, err := p.ask(ctx)
	if err != nil {
		return "", prediction, err
	}
	if err := p.policyEntities(ctx, &prediction); err != nil {
		return "", prediction, err
	}
	predicted := p.nameOf(&prediction, expected)
	if predicted != expected && predicted == p.t.ActiveLoopName() && p.m.Domain.IsForm(predicted) {
		p.t.Append(&dialogue.ActionRejected{Name: predicted})
		if prediction, err = p.ask(ctx); err != nil {
			return "", prediction, err
		}
		predicted = p.nameOf(&prediction, expected)
	}
	return predicted, prediction, nil
}

// tripped reports whether too many actions followed the last message.
func (p *replay) tripped() bool {
	listens := func(name string) bool { return name == dialogue.ActionListen || name == dialogue.ActionSessionStart }
	if listens(p.t.LatestActionName()) {
		return false
	}
	count := 0
	for e := range p.t.Backward() {
		if a, ok := e.(*dialogue.ActionExecuted); ok {
			if listens(a.Name) {
				break
			}
			count++
		}
	}
	return count >= p.o.MaxPredictions
}

// ask is the followup action of a story, or what the policies choose.
func (p *replay) ask(ctx context.Context) (policy.Prediction, error) {
	if name := p.t.State().Followup; name != "" {
		p.t.ClearFollowup()
		if p.m.Domain.HasAction(name) {
			return policy.Prediction{Action: name, Policy: "followup_action", Confidence: 1}, nil
		}
	}
	prediction, err := p.m.Policies.Predict(ctx, p.t)
	if err != nil {
		return prediction, fmt.Errorf("story %q: predict the next action: %w", p.story.title(), err)
	}
	return prediction, nil
}

// nameOf is the name of a predicted action. A retrieval action is named in full, as utter_faq/ask_hours, unless the story does not.
func (p *replay) nameOf(prediction *policy.Prediction, expected string) string {
	name := prediction.Action
	intent, ok := strings.CutPrefix(name, "utter_")
	if !ok || name == expected || !p.m.Domain.IsRetrievalIntent(intent) {
		return name
	}
	message := p.t.State().LatestMessage
	if message == nil {
		return name
	}
	selector := intent
	if message.Parse.Selector[selector] == nil {
		selector = "default"
	}
	if at, _ := message.Parse.Selected(selector); at.Utter != "" {
		return at.Utter
	}
	return name
}

// policyEntities notes the entities that policies found in the message that was just understood.
func (p *replay) policyEntities(ctx context.Context, prediction *policy.Prediction) error {
	message, ok := p.latest().(*dialogue.UserUttered)
	if !ok {
		return nil
	}
	var found []dialogue.Entity
	for _, e := range prediction.Events {
		if added, ok := e.(*dialogue.EntitiesAdded); ok {
			found = append(found, added.Entities...)
		}
	}
	if len(message.Parse.Entities) == 0 && len(found) == 0 || message.Text == nil || *message.Text == "" {
		return nil
	}
	parse, err := p.parse(ctx, *message.Text)
	if err != nil {
		return err
	}
	labels := newTokenLabels(*message.Text, parse.Tokens, message.Parse.Entities, found)
	labels.withText = p.story.notes[message] != nil
	p.story.policyEntities = append(p.story.policyEntities, labels)
	return nil
}

// latest is the latest event; behind slots it is the message or the action before them.
func (p *replay) latest() dialogue.Event {
	last := p.t.Last()
	if _, ok := last.(*dialogue.SlotSet); !ok {
		return last
	}
	for e := range p.t.AppliedBackward() {
		switch e.(type) {
		case *dialogue.UserUttered, *dialogue.ActionExecuted:
			return e
		}
	}
	return nil
}

// fail is the error that ends the replay, with the story so far.
func (p *replay) fail(message string) error {
	p.story.tracker = p.t
	p.story.File = "" // as the reference does: the story's name alone
	return &WrongPredictionError{Message: message, Story: string(appendStories(nil, []*Story{&p.story}))}
}

// failed reports whether something is not as the story says.
func (s *Story) failed() bool {
	return s.misheard || slices.ContainsFunc(s.actions, func(p pair) bool { return p.target != p.predicted })
}

// severity is how unlikely UnexpecTEDIntentPolicy found an intent.
func severity(metadata map[string]any) float64 {
	query, _ := metadata["query_intent"].(map[string]any)
	s, _ := query["severity"].(float64)
	return s
}
