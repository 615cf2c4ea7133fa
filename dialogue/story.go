package dialogue

// Checkpoint is where a story step begins or ends.
type Checkpoint struct {
	Name       string
	Conditions []SlotSet // only on start checkpoints: the slots that an incoming tracker must have
}

// StoryStart is the checkpoint where stories begin.
const StoryStart = "STORY_START"

// StoryStep is a piece of a story or a rule between two checkpoints (Rasa: shared/core/training_data/structures.py), as the
// loader makes it: ORs are already split into steps with generated checkpoints.
type StoryStep struct {
	Name   string // the story's or the rule's
	Rule   bool
	File   string
	Line   int
	Start  []Checkpoint
	End    []Checkpoint
	Events []Event // UserUttered, ActionExecuted, SlotSet, ActiveLoop …; no action_listen
	// ConditionEvents are the indices in Events of a rule's condition.
	ConditionEvents []int
}
