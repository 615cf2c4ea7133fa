package dialogue

// Slots are the values of a domain's slots. They are immutable: Set returns others.
type Slots struct{}

// Value returns the value of a slot; ok is false for a slot that the domain does not have.
func (s *Slots) Value(name string) (value any, ok bool) { panic("stub") }

// HasBeenSet reports whether a slot was set explicitly, also to null.
func (s *Slots) HasBeenSet(name string) bool { panic("stub") }

// Set returns the slots with one changed; a list slot wraps a truthy value that is no list.
func (s *Slots) Set(name string, value any) *Slots { panic("stub") }

// Feature returns the slot's featurisation of a value (spec dialogue §3.4), nil if the slot has no influence.
func (s *Slot) Feature(value any) []float64 { panic("stub") }

// FeatureSize is the length of Feature's result.
func (s *Slot) FeatureSize() int { panic("stub") }
