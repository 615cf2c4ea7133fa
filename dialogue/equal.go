package dialogue

import "slices"

// NameOrText is the action's name, or its text if it has no name.
func (e *ActionExecuted) NameOrText() string {
	if e.Name != "" {
		return e.Name
	}
	return e.Text
}

// same reports whether two states cannot be told apart. Events and entities are compared by identity, so the answer may be no for
// states that are equal.
func (s *State) same(o *State) bool {
	if s == o {
		return true
	}
	sameLoop := s.Loop == o.Loop || s.Loop != nil && o.Loop != nil && *s.Loop == *o.Loop
	sameFlag := s.UseText == o.UseText || s.UseText != nil && o.UseText != nil && *s.UseText == *o.UseText
	sameEntities := len(s.Entities) == len(o.Entities) && (len(s.Entities) == 0 || &s.Entities[0] == &o.Entities[0])
	return sameLoop && sameFlag && sameEntities && s.Slots.same(o.Slots) && s.LatestMessage == o.LatestMessage &&
		s.LatestBot == o.LatestBot && s.LatestAction == o.LatestAction && s.Followup == o.Followup && s.Paused == o.Paused
}

// same reports whether two sets of slots of one domain cannot be told apart.
func (s *Slots) same(o *Slots) bool {
	if s == o {
		return true
	}
	for i, a := range s.blocks {
		b := o.blocks[i]
		if a == b {
			continue
		}
		if a.set != b.set {
			return false
		}
		for j := range a.values {
			if !identical(a.values[j], b.values[j]) {
				return false
			}
		}
	}
	return true
}

// identical reports whether two plain values are equal and of the same types throughout.
func identical(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, identical)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, x := range a {
			if y, ok := b[k]; !ok || !identical(x, y) {
				return false
			}
		}
		return true
	}
	return sameScalar(a, b)
}

// Equal reports whether two entities are equal in all their fields.
func (e *Entity) Equal(o *Entity) bool {
	return e.Entity == o.Entity && Equal(e.Value, o.Value) && e.Start == o.Start && e.End == o.End &&
		e.Role == o.Role && e.Group == o.Group && e.Extractor == o.Extractor &&
		sameNumber(e.Confidence, o.Confidence) && sameNumber(e.RoleConfidence, o.RoleConfidence) &&
		sameNumber(e.GroupConfidence, o.GroupConfidence) && slices.Equal(e.Processors, o.Processors) &&
		len(e.Extra) == len(o.Extra) && (len(e.Extra) == 0 || Equal(e.Extra, o.Extra))
}

func sameNumber(a, b *float64) bool {
	return a == b || a != nil && b != nil && *a == *b
}
