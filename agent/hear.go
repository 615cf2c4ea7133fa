package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"parley/action"
	"parley/dialogue"
	"parley/logging"
	"parley/metrics"
	"parley/nlu"
	"parley/tracing"
)

// updateSession starts a session when nothing counts yet or the last message is too old (spec: Rasa 3.6.21
// core/processor.py _update_tracker_session).
func (t *turn) updateSession(ctx context.Context, metadata map[string]any) error {
	if !t.needsSession() {
		t.leaveUnknownLoop()
		return nil
	}
	if len(metadata) > 0 {
		t.record(&dialogue.SlotSet{Name: dialogue.SlotSessionMetadata, Value: metadata})
	}
	return t.startSession(ctx)
}

// leaveUnknownLoop ends an active loop that the domain does not have: a client posted it, or another model had the form. In the
// reference every message of such a conversation is lost, here it goes on. A loop that an action of this turn activates is not
// touched: it ends the turn with an error, and nothing of it is stored (golden act-events).
func (t *turn) leaveUnknownLoop() {
	if loop := t.tracker.ActiveLoopName(); loop != "" && t.cur.model.Policies != nil && t.cur.model.Domain.ActionIndex(loop) < 0 {
		t.log().Error("the active loop is not in the domain, it is left", "loop", logging.UserText(loop))
		t.record(&dialogue.ActiveLoop{})
	}
}

// needsSession reports whether no event counts, or the last user event that counts is older than the session may last.
func (t *turn) needsSession() bool {
	if t.tracker.AppliedLen() == 0 {
		return true
	}
	limit := t.cur.model.Domain.SessionExpiration * 60
	if limit <= 0 {
		return false
	}
	for e := range t.tracker.AppliedBackward() {
		if u, ok := e.(*dialogue.UserUttered); ok {
			return seconds(t.seen)-u.Timestamp > limit
		}
	}
	return false
}

// startSession runs action_session_start, which no policy predicted.
func (t *turn) startSession(ctx context.Context) error {
	_, err := t.run(ctx, step{name: dialogue.ActionSessionStart, confidence: 1})
	return err
}

// hear understands a message and records it.
func (t *turn) hear(ctx context.Context, msg dialogue.UserMessage) error {
	id := msg.MessageID
	if id == "" {
		id = newID()
	}
	text := msg.Text
	if text != nil {
		trimmed := strings.TrimSpace(*text)
		text = &trimmed
	}
	var parse dialogue.Parse
	if msg.Parse != nil {
		parse = *msg.Parse
		t.look()
	} else {
		var err error
		begun := t.seen
		if parse, t.seen, err = t.agent.parse(ctx, t.cur, text, begun, &t.work); err != nil {
			return err
		}
		t.parts.nlu = t.seen.Sub(begun)
	}
	t.parts.understood(t.cur.model.Domain, &parse)
	metadata := msg.Metadata
	if metadata == nil {
		metadata = map[string]any{}
	}
	t.recordAt(t.seen, dialogue.NewUserUttered(text, parse, msg.InputChannel, id, metadata))
	if t.agent.cfg.Log.Enabled(ctx, slog.LevelDebug) && text != nil {
		t.log().Debug("heard", "text", logging.UserText(*text), "intent", t.parts.intent, "confidence", t.parts.confidence)
	}
	return nil
}

// extractSlots sets what the latest message sets, and sends what custom extraction actions say.
func (t *turn) extractSlots(ctx context.Context) error {
	events, err := t.cur.actions.ExtractSlots(ctx, action.Call{Tracker: t.tracker.Copy(), Channel: t.out.channel})
	if err != nil {
		return fmt.Errorf("extract slots: %w", err)
	}
	t.record(events...)
	t.logEvents(ctx, events)
	t.effects(events)
	return nil
}

// Parse understands a text with the current model, outside any conversation.
func (a *Agent) Parse(ctx context.Context, text string) (dialogue.Parse, error) {
	cur := a.current.Load()
	if cur == nil {
		return dialogue.Parse{}, ErrNoModel
	}
	work := a.cfg.Metrics.BeginWork()
	defer work.Done()
	p, _, err := a.parse(ctx, cur, &text, a.cfg.Now(), &work)
	return p, err
}

// parse is the pipeline, then the shortcut, then what every result has (spec: dialogue §1.5). It is told when it is and tells when it
// has ended.
func (a *Agent) parse(ctx context.Context, cur *loaded, text *string, begun time.Time, work *metrics.Work) (p dialogue.Parse, ended time.Time, err error) {
	if text == nil {
		if cur.model.NLU != nil {
			return p, begun, fmt.Errorf("%w: it has no text", errUnderstand)
		}
		text = new(string)
	}
	said := *text
	known := cur.model.Domain
	if cur.model.Policies == nil {
		known = nil // trained without a domain: every name is taken
	}
	p, ok, warnings := nlu.Shortcut(said, known)
	for _, w := range warnings {
		a.cfg.Log.Warn("shortcut message", "problem", logging.UserText(w))
	}
	if !ok {
		if p, err = a.understand(ctx, cur, said); err != nil {
			return p, begun, err
		}
	}
	completeRetrieval(&p)
	ended = a.cfg.Now()
	measureParse(work, &p, ok, ended.Sub(begun))
	return p, ended, nil
}

// understand runs the pipeline; a model without one understands nothing.
func (a *Agent) understand(ctx context.Context, cur *loaded, text string) (dialogue.Parse, error) {
	if cur.model.NLU == nil {
		return dialogue.Parse{Text: &text, Entities: []dialogue.Entity{}}, nil
	}
	ctx, span := a.cfg.Tracer.Start(ctx, "nlu.parse", tracing.Internal)
	p, err := cur.model.NLU.Parse(ctx, text)
	span.Set("parley.intent", p.Intent.Name)
	endSpan(span, err)
	if err != nil {
		return p, fmt.Errorf("%w: %w", errUnderstand, err)
	}
	return p, nil
}

// completeRetrieval adds the full name of a retrieval intent from the selector of the same name.
func completeRetrieval(p *dialogue.Parse) {
	names, _ := p.Selector["all_retrieval_intents"].([]any)
	for _, n := range names {
		if n != p.Intent.Name {
			continue
		}
		var key any
		if selected, _ := p.Selected(p.Intent.Name); selected.Key != "" {
			key = selected.Key
		}
		p.Intent.Extra = map[string]any{"full_retrieval_intent_name": key}
		return
	}
}

// newID is a random 32-digit hexadecimal message id.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
