package dialogue

import "slices"

// Loop is the state of the active loop.
type Loop struct {
	Name          string
	IsInterrupted bool
	Rejected      bool
	Trigger       *UserUttered // trigger_message: the message that was latest when the loop began; nil: none
}

// State is what a tracker knows at one moment. It is immutable.
type State struct {
	Slots         *Slots
	LatestMessage *UserUttered // nil: no message
	// Entities are the latest message's entities with those that policies added.
	Entities []Entity
	// UseText is the featurisation flag of the latest message: nil until a user_featurization event decides
	// (text without intent starts with true, intent without text with false).
	UseText      *bool
	LatestBot    *BotUttered     // nil: none
	LatestAction *ActionExecuted // nil: none
	Followup     string          // "" is null
	Loop         *Loop           // nil: none
	Paused       bool
}

// LatestActionName is the name of the latest action, or its text if it has no name; "" if there is none.
func (s *State) LatestActionName() string {
	if s.LatestAction == nil {
		return ""
	}
	return s.LatestAction.NameOrText()
}

// ActiveLoopName is the name of the active loop, "" if there is none or it is ShouldNotBeSet.
func (s *State) ActiveLoopName() string {
	if s.Loop == nil || s.Loop.Name == ShouldNotBeSet {
		return ""
	}
	return s.Loop.Name
}

// LatestIntent is the intent name of the latest message, "" if there is none.
func (s *State) LatestIntent() string {
	if s.LatestMessage == nil {
		return ""
	}
	return s.LatestMessage.Parse.Intent.Name
}

// LatestText is the text of the latest message, "" if there is none.
func (s *State) LatestText() string {
	if s.LatestMessage == nil || s.LatestMessage.Text == nil {
		return ""
	}
	return *s.LatestMessage.Text
}

// after is the state after an event. It is s itself when the event changes nothing, else room is filled and returned, or the
// state of an empty tracker. UserReverted and ActionReverted change nothing here: what they leave depends on the history.
func (s *State) after(e Event, reset, room *State) *State {
	switch e := e.(type) {
	case *UserUttered:
		*room = *s
		room.LatestMessage, room.Entities, room.UseText, room.Followup = e, e.Parse.Entities, e.useText(), ""
	case *UserFeaturization:
		if s.LatestActionName() != ActionListen {
			return s // it speaks of the latest message only while nothing has answered it
		}
		*room = *s
		room.UseText = &e.UseText
	case *EntitiesAdded:
		if s.LatestActionName() != ActionListen {
			return s
		}
		*room = *s
		room.Entities = mergeEntities(s.Entities, e.Entities)
	case *BotUttered:
		*room = *s
		room.LatestBot = e
	case *SlotSet:
		slots := s.Slots.Set(e.Name, e.Value)
		if slots == s.Slots {
			return s
		}
		*room = *s
		room.Slots = slots
	case *AllSlotsReset:
		*room = *s
		room.Slots = reset.Slots
	case *SessionStarted:
		return reset
	case *Restarted:
		*room = *reset
		room.Followup = ActionSessionStart
	case *FollowupAction:
		*room = *s
		room.Followup = e.Name
	case *ConversationPaused:
		*room = *s
		room.Paused = true
	case *ConversationResumed:
		*room = *s
		room.Paused = false
	case *ActionExecuted:
		*room = *s
		room.LatestAction, room.Followup, room.Loop = e, "", s.Loop.afterAction(e)
	case *ActiveLoop:
		*room = *s
		room.Loop = nil
		if e.Name != "" {
			room.Loop = &Loop{Name: e.Name, Trigger: s.LatestMessage}
		}
	case *LoopInterrupted:
		if s.Loop == nil || s.Loop.IsInterrupted == e.IsInterrupted {
			return s
		}
		*room = *s
		loop := *s.Loop
		loop.IsInterrupted = e.IsInterrupted
		room.Loop = &loop
	case *ActionRejected:
		if s.Loop == nil || s.Loop.Rejected || e.Name != s.ActiveLoopName() {
			return s
		}
		*room = *s
		loop := *s.Loop
		loop.Rejected = true
		room.Loop = &loop
	default:
		return s
	}
	return room
}

// afterAction is the loop after an action: no longer interrupted, nor rejected if the action is the loop.
func (l *Loop) afterAction(e *ActionExecuted) *Loop {
	if l == nil || l.Name == ShouldNotBeSet {
		return l
	}
	next := *l
	next.IsInterrupted = false
	if e.Name == l.Name {
		next.Rejected = false
	}
	if next == *l {
		return l
	}
	return &next
}

// useText is the featurisation flag that a message starts with.
func (e *UserUttered) useText() *bool {
	hasText, hasIntent := e.Text != nil && *e.Text != "", e.Parse.Intent.Name != ""
	if hasText == hasIntent {
		return nil
	}
	return &hasText
}

// mergeEntities appends the entities that are not there yet.
func mergeEntities(have, add []Entity) []Entity {
	have = slices.Clip(have)
	for i := range add {
		if !slices.ContainsFunc(have, func(e Entity) bool { return e.Equal(&add[i]) }) {
			have = append(have, add[i])
		}
	}
	return have
}
