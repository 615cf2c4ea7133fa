package dialogue

// Names of actions, slots, intents and markers that the reference gives a meaning.
const (
	ActionListen               = "action_listen"
	ActionRestart              = "action_restart"
	ActionSessionStart         = "action_session_start"
	ActionDefaultFallback      = "action_default_fallback"
	ActionDeactivateLoop       = "action_deactivate_loop"
	ActionRevertFallback       = "action_revert_fallback_events"
	ActionAskAffirmation       = "action_default_ask_affirmation"
	ActionAskRephrase          = "action_default_ask_rephrase"
	ActionTwoStageFallback     = "action_two_stage_fallback"
	ActionUnlikelyIntent       = "action_unlikely_intent"
	ActionBack                 = "action_back"
	RuleSnippetAction          = "..."
	ActionExtractSlots         = "action_extract_slots"
	ActionValidateSlotMappings = "action_validate_slot_mappings"

	SlotRequested       = "requested_slot"
	SlotSessionMetadata = "session_started_metadata"

	ShouldNotBeSet = "should_not_be_set"
)

// DefaultActions are the built-in actions in the reference's order; the index is the action's id.
var DefaultActions = []string{
	ActionListen, ActionRestart, ActionSessionStart, ActionDefaultFallback, ActionDeactivateLoop, ActionRevertFallback,
	ActionAskAffirmation, ActionAskRephrase, ActionTwoStageFallback, ActionUnlikelyIntent, ActionBack, RuleSnippetAction,
	ActionExtractSlots,
}

// DefaultIntents are the intents that every domain has.
var DefaultIntents = []string{"restart", "back", "out_of_scope", "session_start", "nlu_fallback"}

// IntentSpec is an intent of the domain and how entities count beside it.
type IntentSpec struct {
	Name         string
	UsedEntities []string // featurised beside this intent, sorted, with entity#role and entity#group labels
	Retrieval    bool
}

// EntitySpec is an entity of the domain.
type EntitySpec struct {
	Name          string
	Roles, Groups []string
	Influence     bool // influence_conversation
}

// MappingType says where a slot's value comes from.
type MappingType string

// The slot mapping types.
const (
	FromEntity        MappingType = "from_entity"
	FromIntent        MappingType = "from_intent"
	FromTriggerIntent MappingType = "from_trigger_intent"
	FromText          MappingType = "from_text"
	CustomMapping     MappingType = "custom"
)

// MappingCondition restricts a mapping to a loop.
type MappingCondition struct {
	ActiveLoop    *string // nil: null or absent, i.e. no loop is active
	RequestedSlot string  // "": any
}

// Mapping is one way to fill a slot.
type Mapping struct {
	Type        MappingType
	Entity      string
	Role, Group string
	Intents     []string // intent; empty: any
	NotIntents  []string
	Value       any
	Action      string
	Conditions  []MappingCondition
	// Key is the mapping's JSON with sorted keys: two mappings are the same if their keys are.
	Key string
}

// SlotType is the type of a slot.
type SlotType string

// The slot types of Rasa 3.6.
const (
	SlotText        SlotType = "text"
	SlotBool        SlotType = "bool"
	SlotCategorical SlotType = "categorical"
	SlotFloat       SlotType = "float"
	SlotList        SlotType = "list"
	SlotAny         SlotType = "any"
)

// Slot is a slot of the domain.
type Slot struct {
	Name      string
	Type      SlotType
	Initial   any
	Influence bool // influence_conversation
	Mappings  []Mapping
	Values    []string // categorical: lower-cased, with __other__ last
	Min, Max  float64  // float
	Builtin   bool     // one of the five that are excluded from extraction
}

// Form is a form of the domain.
type Form struct {
	Name           string
	RequiredSlots  []string
	IgnoredIntents []string
}

// ResponseCondition restricts a response variation to a slot's value.
type ResponseCondition struct {
	Type, Name string
	Value      any
	NoType     bool // the condition has no type: selected, it fails when logged
}

// Response is one variation of a response.
type Response struct {
	Body        map[string]any // text, image, custom, buttons, quick_replies, attachment, elements, channel, condition, id, metadata …
	Channel     string
	ID          string
	Conditional bool // has a condition key with a non-empty list
	Unusable    bool // has an empty condition list: neither default nor conditional
	Conditions  []ResponseCondition
}

// Domain is what a bot can talk about and do. It is immutable after project has built it; Finish computes the look-up tables.
type Domain struct {
	Intents               []IntentSpec // sorted by name, defaults included
	Entities              []EntitySpec // sorted by name
	Slots                 []Slot       // in the reference's order: user's, then defaults
	Responses             map[string][]Response
	Actions               []string // the action list; the index is the action's id
	UserActions           []string // custom actions and responses
	CustomActions         []string // as listed under actions:, in file order
	Forms                 []Form
	EndToEndActions       []string // bot texts of end-to-end stories
	ExplicitDomainActions []string // actions that need the domain in their request (send_domain)

	SessionExpiration    float64 // minutes; 0: never
	CarryOverSlots       bool
	StoreEntitiesAsSlots bool

	// Raw is the domain as the reference's as_dict gives it, a JSON object: what action servers and GET /domain get.
	Raw []byte

	index *domainIndex
}
