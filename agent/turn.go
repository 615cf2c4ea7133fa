package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/action"
	"parley/dialogue"
	"parley/metrics"
	"parley/tracing"
	"parley/trackerstore"
)

// maxReruns is how often a turn runs again after its commit was refused.
const maxReruns = 2

// Handle runs one whole turn for a message. Replies go out after the turn is stored, or as actions finish when the message
// asks for a stream. A turn whose commit is refused because another one came between runs again, unless it may already have
// been noticed outside.
func (a *Agent) Handle(ctx context.Context, msg dialogue.UserMessage, send Send) error {
	_, err := a.Chat(ctx, msg, send)
	return err
}

// Chat is Handle, and returns the conversation as the turn has left it.
func (a *Agent) Chat(ctx context.Context, msg dialogue.UserMessage, send Send) (*dialogue.Tracker, error) {
	cur := a.current.Load()
	if cur == nil {
		return nil, ErrNoModel
	}
	measured := a.cfg.Metrics.BeginTurn(msg.InputChannel)
	out := output{channel: msg.OutputChannel, send: send, stream: msg.Stream, kind: kindMessage, input: msg.InputChannel}
	t, err := a.repeat(ctx, cur, msg.SenderID, out, func(ctx context.Context, t *turn) error { return t.handle(ctx, msg) })
	own := time.Duration(-1)
	if t != nil {
		own = t.own
	}
	measured.End(outcome(t, err), own)
	if isRepeated(err) {
		a.cfg.Metrics.Duplicate("commit")
	}
	if err != nil {
		return nil, err
	}
	return t.tracker, nil
}

// handle is the turn: the order of Rasa's core/processor.py handle_message.
func (t *turn) handle(ctx context.Context, msg dialogue.UserMessage) error {
	if err := t.updateSession(ctx, msg.Metadata); err != nil {
		return err
	}
	if err := t.hear(ctx, msg); err != nil {
		return err
	}
	if t.cur.model.Policies == nil {
		t.agent.cfg.Log.Warn("the model has no dialogue part, nothing is answered", "model", t.cur.model.ID)
		return nil
	}
	if err := t.extractSlots(ctx); err != nil {
		return err
	}
	return t.act(ctx)
}

// turn is one turn in progress. It belongs to the goroutine that runs it.
type turn struct {
	agent   *Agent
	cur     *loaded
	stored  *trackerstore.Turn
	tracker *dialogue.Tracker
	out     output
	calls   *action.CallRecorder // remote calls that were begun
	spoke   bool                 // a message has already left
	known   int                  // events before the turn
	replace bool                 // the tracker's events are all there is
	reply   Reply                // renders the answer to an identified request; nil: none is stored
	shown   *dialogue.Tracker    // the tracker of the answer; nil: the turn's
	begun   time.Time            // when it had its conversation
	seen    time.Time            // the latest look at the clock
	away    time.Duration        // of which it waited for custom actions
	own     time.Duration        // until it was stored, without that; negative: it was not
	work    metrics.Work         // what is measured of it
	parts   parts                // what its line in the log says
}

// output is where a turn's messages go.
type output struct {
	channel string // name of the output, for response variations
	send    Send   // nil: nowhere
	stream  bool   // send as actions finish, not after the commit
	kind    string // of the turn, for its line in the log
	input   string // channel that the message came in by
	lined   bool   // the turn has a line in the log, should it fail or not
	pending []*dialogue.BotUttered
	said    []*dialogue.BotUttered // of an identified request: all messages, also those that have left
	remind  []dialogue.Event       // reminders to schedule and to cancel, in order
}

// begin waits for the conversation and loads it. The caller must abort the turn at the end.
func (a *Agent) begin(ctx context.Context, cur *loaded, senderID string, out output) (*turn, context.Context, error) {
	senderID = cmp.Or(senderID, "default")
	_, span := a.cfg.Tracer.Start(ctx, "store.begin", tracing.Internal) // waits in line, and loads
	asked := a.lap(&out)
	stored, ctx, err := a.cfg.Conversations.Begin(ctx, senderID, cur.model.Domain)
	endSpan(span, err)
	if err != nil {
		return nil, nil, fmt.Errorf("begin a turn: %w", err)
	}
	t := &turn{agent: a, cur: cur, stored: stored, tracker: stored.Tracker, out: out, known: stored.Tracker.Len(), reply: replyOf(ctx), own: -1, work: a.cfg.Metrics.BeginWork()}
	t.begun = t.look()
	t.parts.lock = t.begun.Sub(a.epoch) - asked
	t.out.channel = cmp.Or(t.out.channel, "collector")
	ctx, t.calls = action.WithCallRecorder(ctx, stored.Identity.ID, stored.Identity.Fence)
	t.tracker.ModelID, t.tracker.AssistantID = cur.model.ID, cur.model.AssistantID
	return t, ctx, nil
}

// abort gives the conversation back; it has no effect after commit.
func (t *turn) abort() { t.stored.Abort() }

// commit stores the turn and then lets its effects out: messages and reminders.
func (t *turn) commit(ctx context.Context) error {
	_, span := t.agent.cfg.Tracer.Start(ctx, "store.commit", tracing.Internal)
	begun := t.agent.lap(&t.out)
	err := t.stored.Commit(ctx, trackerstore.Commit{Replace: t.replace, Reply: t.answer()})
	endSpan(span, err)
	t.parts.store = t.agent.lap(&t.out) - begun
	if err != nil {
		return fmt.Errorf("store the turn: %w", err)
	}
	t.measureCommit()
	for _, e := range t.out.pending {
		t.send(e)
	}
	if len(t.out.remind) == 0 {
		return nil
	}
	if n := t.agent.reminders.update(t.tracker.SenderID, t.out.channel, t.out.remind, t.look()); n > 0 {
		t.log().Error("reminders were not scheduled, too many wait already", "refused", n, "limit", maxReminders)
	}
	return nil
}

// send hands one message to the channel. An error of a channel never ends a turn.
func (t *turn) send(e *dialogue.BotUttered) {
	if t.out.send == nil {
		return
	}
	t.spoke = true
	begun := t.agent.lap(&t.out)
	defer func() { t.parts.send += t.agent.lap(&t.out) - begun }()
	if err := t.out.send(dialogue.BotMessage{RecipientID: t.tracker.SenderID, Event: e}); err != nil {
		t.log().Warn("a message could not be sent", "error", err)
	}
}

// look looks at the clock. That is a large part of what measuring a turn costs, so whatever happens side by side shares one look.
func (t *turn) look() time.Time {
	t.seen = t.agent.cfg.Now()
	return t.seen
}

// record stamps events with the present and appends them.
func (t *turn) record(events ...dialogue.Event) {
	if len(events) > 0 {
		t.recordAt(t.look(), events...)
	}
}

// recordAt stamps events with a time and appends them.
func (t *turn) recordAt(now time.Time, events ...dialogue.Event) {
	if len(events) > 0 {
		t.tracker.Record(seconds(now), events...)
	}
}

func (t *turn) log() *slog.Logger {
	return t.agent.cfg.Log.With("sender_id", t.tracker.SenderID, "model", t.cur.model.ID)
}

// repeat runs a turn, and again when its commit lost against another and nobody outside can have noticed the first attempt.
// It returns the last attempt, nil if none could begin.
func (a *Agent) repeat(ctx context.Context, cur *loaded, senderID string, out output, f func(context.Context, *turn) error) (t *turn, err error) {
	out.lined = a.turnLines(ctx)
	begun, attempt := a.lap(&out), 0
	defer func() { a.logTurn(ctx, cur, senderID, &out, t, err, attempt+1, begun) }()
	for ; ; attempt++ {
		t, err = a.attempt(ctx, cur, senderID, out, f)
		if !errors.Is(err, trackerstore.ErrConflict) || attempt == maxReruns || t == nil || t.spoke || t.calls.Begun() {
			return t, err
		}
		a.cfg.Metrics.TurnRerun("conflict")
		t.log().Info("the turn is run again after a refused commit", "attempt", attempt+1)
	}
}

// attempt runs f as a turn of a conversation and stores what it did, unless f says that there is nothing to store.
func (a *Agent) attempt(ctx context.Context, cur *loaded, senderID string, out output, f func(context.Context, *turn) error) (_ *turn, err error) {
	ctx, span := a.cfg.Tracer.Start(ctx, "turn", tracing.Internal)
	defer func() { endSpan(span, err) }()
	span.Set("parley.model", cur.model.ID)
	t, ctx, err := a.begin(ctx, cur, senderID, out)
	if err != nil {
		return nil, err
	}
	defer t.abort()
	defer t.work.Done()
	a.cfg.Metrics.TurnsHeld(1)
	defer a.cfg.Metrics.TurnsHeld(-1)
	switch err := f(ctx, t); {
	case errors.Is(err, errDropped):
		return t, nil
	case err != nil:
		return t, because(ctx, err)
	}
	return t, t.commit(ctx)
}

// errDropped ends a turn of which nothing is stored.
var errDropped = errors.New("nothing of the turn is to be stored")

// endSpan ends a span; of an error it says only under what it is counted, for its text may hold what a user said.
func endSpan(s tracing.Span, err error) {
	if err != nil && !isRepeated(err) && !errors.Is(err, errDropped) {
		s.Fail(outcome(nil, err).String())
	}
	s.End()
}

// because adds to an error why the context ended under which it happened: that of a turn ends when its lease is lost.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
