package agent

import (
	"context"
	"errors"

	"parley/dialogue"
	"parley/trackerstore"
)

// Reply renders what is answered to a request, from the tracker that the method would return and what the bot said. It is
// called before the turn is stored, so that the answer is stored with it.
type Reply func(t *dialogue.Tracker, said []dialogue.BotMessage) []byte

type replyKey struct{}

// WithRequest says which request the turn of a method answers, and how. When the request was answered before, the method
// fails with a [*trackerstore.Repeated] that holds the stored answer; while its first attempt is still under way it waits for
// that first. When the key belongs to another request, it fails with [trackerstore.ErrKeyReused]. A turn that fails leaves no answer: its
// repetition runs. A turn that streams does not take back what it said before it failed.
func WithRequest(ctx context.Context, r trackerstore.Request, reply Reply) context.Context {
	return context.WithValue(trackerstore.WithRequest(ctx, r), replyKey{}, reply)
}

func replyOf(ctx context.Context) Reply {
	reply, _ := ctx.Value(replyKey{}).(Reply)
	return reply
}

// answer is what is stored for the repetitions of an identified request.
func (t *turn) answer() []byte {
	if t.reply == nil {
		return nil
	}
	said := make([]dialogue.BotMessage, len(t.out.said))
	for i, e := range t.out.said {
		said[i] = dialogue.BotMessage{RecipientID: t.tracker.SenderID, Event: e}
	}
	if t.shown != nil {
		return t.reply(t.shown, said)
	}
	return t.reply(t.tracker, said)
}

func isRepeated(err error) bool {
	_, ok := errors.AsType[*trackerstore.Repeated](err)
	return ok
}
