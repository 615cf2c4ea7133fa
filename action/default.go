package action

import (
	"context"
	"errors"
	"fmt"

	"parley/dialogue"
)

// Names that only actions know.
const (
	utterPrefix     = "utter_"
	utterBack       = "utter_back"
	utterDefault    = "utter_default"
	utterRestart    = "utter_restart"
	utterRephrase   = "utter_ask_rephrase"
	intentFallback  = "nlu_fallback"
	intentNo        = "out_of_scope"
	selectorDefault = "default"
)

// builtin is the default action of a name, nil if it is none. "..." has none: predicting it would be a remote call.
func (a *Actions) builtin(name string) runner {
	switch name {
	case dialogue.ActionListen, dialogue.ActionUnlikelyIntent:
		return func(context.Context, *Call) ([]dialogue.Event, error) { return nil, nil }
	case dialogue.ActionRestart:
		return a.utterThen(utterRestart, func() []dialogue.Event { return []dialogue.Event{&dialogue.Restarted{}} })
	case dialogue.ActionSessionStart:
		return a.sessionStart
	case dialogue.ActionDefaultFallback:
		return a.utterThen(utterDefault, func() []dialogue.Event { return []dialogue.Event{&dialogue.UserReverted{}} })
	case dialogue.ActionDeactivateLoop:
		return func(context.Context, *Call) ([]dialogue.Event, error) {
			return []dialogue.Event{&dialogue.ActiveLoop{}, &dialogue.SlotSet{Name: dialogue.SlotRequested}}, nil
		}
	case dialogue.ActionRevertFallback:
		return func(context.Context, *Call) ([]dialogue.Event, error) {
			return nil, errors.New("action_revert_fallback_events belongs to a policy that no longer exists")
		}
	case dialogue.ActionAskAffirmation:
		return a.askAffirmation
	case dialogue.ActionAskRephrase:
		return a.utter(utterRephrase, false)
	case dialogue.ActionTwoStageFallback:
		return a.twoStageFallback
	case dialogue.ActionBack:
		return a.utterThen(utterBack, func() []dialogue.Event {
			return []dialogue.Event{&dialogue.UserReverted{}, &dialogue.UserReverted{}}
		})
	case dialogue.ActionExtractSlots:
		return func(ctx context.Context, c *Call) ([]dialogue.Event, error) { return a.ExtractSlots(ctx, *c) }
	}
	return nil
}

// utter says a response. A missing response is logged when it is wanted.
func (a *Actions) utter(name string, wanted bool) runner {
	r := a.responses[name]
	return func(ctx context.Context, c *Call) ([]dialogue.Event, error) {
		if a.nlg != nil {
			d, err := a.fromNLG(ctx, c, name, nil)
			if err != nil {
				return nil, err
			}
			d.rest["utter_action"] = name
			return []dialogue.Event{d.event()}, nil
		}
		slots := c.Tracker.State().Slots
		var v *variation
		if r != nil {
			var err error
			if v, err = r.pick(c.Channel, slots, a.cfg.Random); err != nil {
				return nil, err
			}
		}
		if v == nil {
			if wanted {
				a.log.Error("a response has nothing to say", "response", name, "channel", c.Channel, "sender_id", c.Tracker.SenderID)
			}
			return nil, nil
		}
		e, err := v.say(vars{slots: slots})
		if err != nil {
			return nil, fmt.Errorf("response %s: %w", name, err)
		}
		return []dialogue.Event{e}, nil
	}
}

// utterThen says a response if there is one and adds events. Unlike in the reference (quirk Q12) an NLG server that fails does not
// swallow the events: the conversation would be stuck.
func (a *Actions) utterThen(name string, then func() []dialogue.Event) runner {
	utter := a.utter(name, false)
	return func(ctx context.Context, c *Call) ([]dialogue.Event, error) {
		events, err := utter(ctx, c)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			a.log.Error("an optional response failed", "response", name, "sender_id", c.Tracker.SenderID, "error", err)
			events = nil
		}
		return append(events, then()...), nil
	}
}

// generate is a response as a draft, for an item of an action server's reply. Nil means that there is nothing to say.
func (a *Actions) generate(ctx context.Context, c *Call, name string, args map[string]any) (*draft, error) {
	if a.nlg != nil {
		d, err := a.fromNLG(ctx, c, name, args)
		if err != nil || len(d.content) == 0 && len(d.rest) == 0 {
			return nil, err
		}
		return d, nil
	}
	slots := c.Tracker.State().Slots
	r := a.responses[name]
	if r == nil {
		return nil, nil
	}
	v, err := r.pick(c.Channel, slots, a.cfg.Random)
	if v == nil || err != nil || len(v.body) == 0 {
		return nil, err
	}
	return v.draft(vars{slots: slots, args: args})
}

// retrieval says the response that the selector chose for the latest message.
func (a *Actions) retrieval(name, intent string) runner {
	return func(ctx context.Context, c *Call) ([]dialogue.Event, error) {
		latest := c.Tracker.State().LatestMessage
		if latest == nil || latest.Parse.Selector == nil {
			return nil, fmt.Errorf("%s: the latest message has no response_selector", name)
		}
		selected, ok := latest.Parse.Selected(intent)
		if !ok {
			selected, ok = latest.Parse.Selected(selectorDefault)
		}
		if !ok {
			a.log.Error("no response selector for a retrieval action", "action", name, "sender_id", c.Tracker.SenderID)
			return nil, nil
		}
		if selected.Utter == "" {
			return nil, fmt.Errorf("%s: the response selector names no utter_action", name)
		}
		return a.utter(selected.Utter, true)(ctx, c)
	}
}

// sessionStart begins a session, with the slots of the one before if the domain wants that.
func (a *Actions) sessionStart(_ context.Context, c *Call) ([]dialogue.Event, error) {
	events := []dialogue.Event{&dialogue.SessionStarted{}}
	if a.domain.CarryOverSlots {
		for _, e := range c.Tracker.Applied() {
			if s, ok := e.(*dialogue.SlotSet); ok {
				events = append(events, &dialogue.SlotSet{
					Header: dialogue.Header{Metadata: s.Metadata}, Name: s.Name, Value: s.Value,
				})
			}
		}
	}
	return append(events, &dialogue.ActionExecuted{Name: dialogue.ActionListen}), nil
}

// askAffirmation asks whether the user meant the intent; after an NLU fallback the best one that was found.
func (a *Actions) askAffirmation(_ context.Context, c *Call) ([]dialogue.Event, error) {
	latest := c.Tracker.State().LatestMessage
	if latest == nil {
		return nil, errors.New("there is no message to affirm")
	}
	intent := latest.Parse.Intent.Name
	if ranking := latest.Parse.Ranking; intent == intentFallback && len(ranking) > 1 {
		intent = ranking[1].Name
	}
	if intent == "" {
		intent = "None" // as the reference prints null
	}
	d := newDraft()
	d.content["text"] = "Did you mean '" + intent + "'?"
	d.content["buttons"] = []any{
		map[string]any{"title": "Yes", "payload": "/" + intent},
		map[string]any{"title": "No", "payload": "/" + intentNo},
	}
	d.rest["utter_action"] = dialogue.ActionAskAffirmation
	return []dialogue.Event{d.event()}, nil
}
