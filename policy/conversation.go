package policy

import (
	"context"

	"parley/dialogue"
)

// Conversation is a conversation made of story steps.
type Conversation struct {
	Name    string // the names of its stories, joined by " > "
	File    string // of its last story
	Line    int
	Tracker *dialogue.Tracker
}

// Conversations makes conversations of the stories among steps, as training does before it glues stories together: rules are left
// out, alternatives and checkpoints followed, and what stories leave out is filled in, action_listen and the slots that entities
// fill. Of conversations that nothing tells apart the first is kept. Warn, when set, is told of what a user should know. The error
// is that of ctx.
func Conversations(ctx context.Context, d *dialogue.Domain, steps []dialogue.StoryStep, warn func(message string)) ([]Conversation, error) {
	t := newTrainer(d, steps, TrainOptions{Warn: warn})
	stories, err := newGenerator(t, 0).run(ctx, false)
	if err != nil {
		return nil, err
	}
	conversations := make([]Conversation, len(stories))
	for i, s := range stories {
		conversations[i] = Conversation{Name: s.title(), Tracker: s.tracker}
		if s.last != nil {
			conversations[i].File, conversations[i].Line = s.last.File, s.last.Line
		}
	}
	return conversations, nil
}
