package dialogue

import "iter"

// Verbosity chooses which events a dump of a tracker lists (Rasa: EventVerbosity).
type Verbosity int

// The verbosities of include_events.
const (
	EventsNone Verbosity = iota
	EventsApplied
	EventsAfterRestart
	EventsAll
)

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

// Tracker is the state of one conversation, built up by events (Rasa: shared/core/trackers.py DialogueStateTracker).
//
// Events are kept in a list that trackers share: Copy costs nothing, Append costs the same whatever the length of the history,
// and taking back a turn (rewind, undo) walks back only over what it removes.
type Tracker struct {
	SenderID string
	// ModelID and AssistantID, when set, are stamped into the metadata of events by Record.
	ModelID, AssistantID string
}

// NewTracker returns the tracker of a conversation without events.
func NewTracker(senderID string, d *Domain) *Tracker { panic("stub") }

// Domain is the domain the tracker was made with.
func (t *Tracker) Domain() *Domain { panic("stub") }

// Append adds events as they are, in order, and applies them.
func (t *Tracker) Append(events ...Event) { panic("stub") }

// Record stamps each event with now (seconds) — later events a microsecond later, never earlier than the last event —
// and with the model's and assistant's id unless it has them, and appends it. The events must not be shared yet.
func (t *Tracker) Record(now float64, events ...Event) { panic("stub") }

// Copy returns an independent tracker with the same history, in constant time. Its ids for stamping are empty, as in the reference.
func (t *Tracker) Copy() *Tracker { panic("stub") }

// Rebuilt returns the tracker as it comes back from a store: its state follows from the applied events only, and only the
// latest session is held when latestSession is true (cut before the last action_session_start action).
func (t *Tracker) Rebuilt(latestSession bool) *Tracker { panic("stub") }

// Len is the number of raw events.
func (t *Tracker) Len() int { panic("stub") }

// Events returns all raw events from index n on, oldest first.
func (t *Tracker) Events(n int) []Event { panic("stub") }

// Backward yields the raw events, newest first.
func (t *Tracker) Backward() iter.Seq[Event] { panic("stub") }

// Applied returns the events that count (spec: applied_events), oldest first.
func (t *Tracker) Applied() []Event { panic("stub") }

// AppliedBackward yields the events that count, newest first, each with the state after it as a replay of the applied events gives it.
func (t *Tracker) AppliedBackward() iter.Seq2[Event, *State] { panic("stub") }

// AfterRestart returns the raw events after the last restart.
func (t *Tracker) AfterRestart() []Event { panic("stub") }

// State is what the tracker knows now.
func (t *Tracker) State() *State { panic("stub") }

// Moment is the state in which an action was about to run (Rasa: generate_all_prior_trackers).
type Moment struct {
	State *State
	// Action is the action event that ran then; nil for the present moment.
	Action *ActionExecuted
}

// Moments yields the state before each applied action event, newest first, beginning with the present one (Action nil).
// Their number is the number of applied actions plus one.
func (t *Tracker) Moments() iter.Seq[Moment] { panic("stub") }

// MomentCount is the number of Moments, in constant time.
func (t *Tracker) MomentCount() int { panic("stub") }

// Slot returns a slot's value; ok is false for a slot that the domain does not have.
func (t *Tracker) Slot(name string) (value any, ok bool) { panic("stub") }

// LatestActionName is the name of the latest action, "" if there is none or it is a text.
func (t *Tracker) LatestActionName() string { panic("stub") }

// ActiveLoopName is the name of the active loop, "" if there is none or it is ShouldNotBeSet.
func (t *Tracker) ActiveLoopName() string { panic("stub") }

// LatestIntent is the intent name of the latest message, "" if there is none.
func (t *Tracker) LatestIntent() string { panic("stub") }

// LatestInputChannel is the input channel of the latest user event, "" if unknown.
func (t *Tracker) LatestInputChannel() string { panic("stub") }

// AppendJSON appends the tracker's current_state as JSON, keys in the reference's order.
func (t *Tracker) AppendJSON(dst []byte, v Verbosity) []byte { panic("stub") }
