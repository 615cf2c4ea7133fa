package dialogue

// Kind is the name of an event's type as it stands in Rasa's JSON.
type Kind string

// The event types of Rasa 3.6.21 (shared/core/events.py). KindForm and KindFormValidation are legacy names: they are read,
// and written as KindActiveLoop and KindLoopInterrupted.
const (
	KindUser              Kind = "user"
	KindUserFeaturization Kind = "user_featurization"
	KindEntities          Kind = "entities"
	KindBot               Kind = "bot"
	KindAgent             Kind = "agent"
	KindSlot              Kind = "slot"
	KindRestart           Kind = "restart"
	KindSessionStarted    Kind = "session_started"
	KindRewind            Kind = "rewind"
	KindUndo              Kind = "undo"
	KindResetSlots        Kind = "reset_slots"
	KindReminder          Kind = "reminder"
	KindCancelReminder    Kind = "cancel_reminder"
	KindExport            Kind = "export"
	KindFollowup          Kind = "followup"
	KindPause             Kind = "pause"
	KindResume            Kind = "resume"
	KindAction            Kind = "action"
	KindActiveLoop        Kind = "active_loop"
	KindLoopInterrupted   Kind = "loop_interrupted"
	KindActionRejected    Kind = "action_execution_rejected"
	KindForm              Kind = "form"
	KindFormValidation    Kind = "form_validation"
)

// Event is one thing that happened in a conversation. Events are immutable once appended to a tracker.
//
//sumtype:decl
type Event interface {
	// Kind is the event's type.
	Kind() Kind
	// Head is what every event carries: time and metadata.
	Head() *Header

	sealed()
}

// Header is what every event carries.
type Header struct {
	Timestamp float64        // seconds since the Unix epoch; 0 means not yet stamped
	Metadata  map[string]any // nil or empty: left out of the JSON, except for user and bot events
	Extra     map[string]any // fields of a stored event that this version does not know; AppendStoredEventJSON writes them back
}

// Head returns the header itself, for the Event interface.
func (h *Header) Head() *Header { return h }

func (*Header) sealed() {}

// The events. Field comments name the JSON key where it differs from the field.
type (
	// UserUttered is a message of the user (JSON type "user").
	UserUttered struct {
		Header
		Text         *string // null for an intent without text
		Parse        Parse   // parse_data
		InputChannel string  // "" is null
		MessageID    string  // "" is null
	}
	// UserFeaturization says whether policies saw the text or the intent of the latest message.
	UserFeaturization struct {
		Header
		UseText bool // use_text_for_featurization
	}
	// EntitiesAdded holds entities that a policy found in the latest message (JSON type "entities").
	EntitiesAdded struct {
		Header
		Entities []Entity
	}
	// BotUttered is a message of the bot (JSON type "bot").
	BotUttered struct {
		Header
		Text   string
		NoText bool // JSON text is null
		Data   map[string]any
	}
	// AgentUttered is a message of a human agent.
	AgentUttered struct {
		Header
		Text   string
		NoText bool           // JSON text is null
		Data   map[string]any // nil is null
	}
	// SlotSet gives a slot a value.
	SlotSet struct {
		Header
		Name  string
		Value any
	}
	// Restarted resets the tracker.
	Restarted struct{ Header }
	// SessionStarted begins a session: resets the tracker.
	SessionStarted struct{ Header }
	// UserReverted takes the latest user message and what follows it back (JSON type "rewind").
	UserReverted struct{ Header }
	// ActionReverted takes the latest action and what follows it back (JSON type "undo").
	ActionReverted struct{ Header }
	// AllSlotsReset sets all slots to their initial values.
	AllSlotsReset struct{ Header }
	// ReminderScheduled asks for an intent to be triggered later.
	ReminderScheduled struct {
		Header
		Intent            string
		DateTime          string // ISO 8601; without an offset it is in the server's zone
		Entities          any
		Name              string
		KillOnUserMessage bool // kill_on_user_msg
	}
	// ReminderCancelled cancels reminders; empty fields match all.
	ReminderCancelled struct {
		Header
		Name     string
		Intent   string
		Entities any
	}
	// StoryExported asks for the story to be written to Path.
	StoryExported struct {
		Header
		Path string
	}
	// FollowupAction forces the next action.
	FollowupAction struct {
		Header
		Name string
	}
	// ConversationPaused stops the bot from acting.
	ConversationPaused struct{ Header }
	// ConversationResumed lets the bot act again.
	ConversationResumed struct{ Header }
	// ActionExecuted says that an action ran. Either Name or Text (an end-to-end bot text) is set.
	ActionExecuted struct {
		Header
		Name         string
		Text         string   // action_text
		Policy       string   // "" is null
		Confidence   *float64 // null when no policy predicted it
		HideRuleTurn bool
	}
	// ActiveLoop activates a loop, or deactivates the current one when Name is empty (JSON null).
	ActiveLoop struct {
		Header
		Name string
	}
	// LoopInterrupted says whether the active loop was interrupted.
	LoopInterrupted struct {
		Header
		IsInterrupted bool
	}
	// ActionRejected says that an action refused to run (JSON type "action_execution_rejected").
	ActionRejected struct {
		Header
		Name       string
		Policy     string
		Confidence *float64
	}
)

// Kind implements Event for each type.
func (*UserUttered) Kind() Kind         { return KindUser }
func (*UserFeaturization) Kind() Kind   { return KindUserFeaturization }
func (*EntitiesAdded) Kind() Kind       { return KindEntities }
func (*BotUttered) Kind() Kind          { return KindBot }
func (*AgentUttered) Kind() Kind        { return KindAgent }
func (*SlotSet) Kind() Kind             { return KindSlot }
func (*Restarted) Kind() Kind           { return KindRestart }
func (*SessionStarted) Kind() Kind      { return KindSessionStarted }
func (*UserReverted) Kind() Kind        { return KindRewind }
func (*ActionReverted) Kind() Kind      { return KindUndo }
func (*AllSlotsReset) Kind() Kind       { return KindResetSlots }
func (*ReminderScheduled) Kind() Kind   { return KindReminder }
func (*ReminderCancelled) Kind() Kind   { return KindCancelReminder }
func (*StoryExported) Kind() Kind       { return KindExport }
func (*FollowupAction) Kind() Kind      { return KindFollowup }
func (*ConversationPaused) Kind() Kind  { return KindPause }
func (*ConversationResumed) Kind() Kind { return KindResume }
func (*ActionExecuted) Kind() Kind      { return KindAction }
func (*ActiveLoop) Kind() Kind          { return KindActiveLoop }
func (*LoopInterrupted) Kind() Kind     { return KindLoopInterrupted }
func (*ActionRejected) Kind() Kind      { return KindActionRejected }
