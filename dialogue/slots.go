package dialogue

import "iter"

// slotBlockSize is the number of slots that one change copies.
const slotBlockSize = 8

// slotBlock holds the values of neighbouring slots; bit i of set tells whether slot i was set explicitly.
type slotBlock struct {
	values [slotBlockSize]any
	set    uint8
}

// Slots are the values of a domain's slots. They are immutable: Set returns others, which share all blocks but one.
type Slots struct {
	index  *domainIndex
	blocks []*slotBlock
}

// initialSlots are the slots of a tracker without events.
func initialSlots(ix *domainIndex) *Slots {
	slots := ix.domain.Slots
	s := &Slots{index: ix, blocks: make([]*slotBlock, (len(slots)+slotBlockSize-1)/slotBlockSize)}
	for i := range s.blocks {
		s.blocks[i] = new(slotBlock)
	}
	for i := range slots {
		s.blocks[i/slotBlockSize].values[i%slotBlockSize] = slots[i].stored(slots[i].Initial)
	}
	return s
}

// stored is the value as the slot keeps it: a list slot wraps a truthy value that is no list.
func (s *Slot) stored(value any) any {
	if s.Type != SlotList || !Truthy(value) {
		return value
	}
	if _, ok := value.([]any); ok {
		return value
	}
	return []any{value}
}

// Value returns the value of a slot; ok is false for a slot that the domain does not have.
func (s *Slots) Value(name string) (value any, ok bool) {
	i, ok := s.index.slots[name]
	if !ok {
		return nil, false
	}
	return s.At(i), true
}

// At returns the value of the domain's i-th slot.
func (s *Slots) At(i int) any { return s.blocks[i/slotBlockSize].values[i%slotBlockSize] }

// HasBeenSet reports whether a slot was set explicitly, also to null.
func (s *Slots) HasBeenSet(name string) bool {
	i, ok := s.index.slots[name]
	return ok && s.IsSetAt(i)
}

// IsSetAt reports whether the domain's i-th slot was set explicitly, also to null.
func (s *Slots) IsSetAt(i int) bool { return s.blocks[i/slotBlockSize].set&(1<<(i%slotBlockSize)) != 0 }

// All yields the names and values of all slots in the order of the domain.
func (s *Slots) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		slots := s.index.domain.Slots
		for i := range slots {
			if !yield(slots[i].Name, s.At(i)) {
				return
			}
		}
	}
}

// Set returns the slots with one changed; a list slot wraps a truthy value that is no list. Setting a slot that the domain
// does not have changes nothing.
func (s *Slots) Set(name string, value any) *Slots {
	i, ok := s.index.slots[name]
	if !ok {
		return s
	}
	value = s.index.domain.Slots[i].stored(value)
	if s.IsSetAt(i) && sameScalar(s.At(i), value) {
		return s
	}
	next := &Slots{index: s.index, blocks: make([]*slotBlock, len(s.blocks))}
	copy(next.blocks, s.blocks)
	b := *s.blocks[i/slotBlockSize]
	b.values[i%slotBlockSize] = value
	b.set |= 1 << (i % slotBlockSize)
	next.blocks[i/slotBlockSize] = &b
	return next
}

// sameScalar reports whether two values are the same null, boolean, number or string. Lists and objects are never the same.
func sameScalar(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case int:
		b, ok := b.(int)
		return ok && a == b
	case float64:
		b, ok := b.(float64)
		return ok && a == b
	}
	return false
}
