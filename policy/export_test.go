package policy

import (
	"context"
	"fmt"
	"hash/crc32"

	"parley/dialogue"
)

// StoryEvents are the events of the training stories without augmentation.
func StoryEvents(d *dialogue.Domain, steps []dialogue.StoryStep) ([][]dialogue.Event, error) {
	_, all, err := countStories(context.Background(), d, steps, 0, 0)
	var events [][]dialogue.Event
	for _, s := range all {
		events = append(events, s.tracker.Events(0))
	}
	return events, err
}

// Sealed is a section with a right sum.
func Sealed(body []byte) []byte {
	return append(fmt.Appendf(nil, "%s%08x\n", format, crc32.ChecksumIEEE(body)), body...)
}

// Only is an ensemble of one of the policies.
func (e *Ensemble) Only(name string) *Ensemble {
	for _, m := range e.policies {
		if m.settings.Name == name {
			return newEnsemble(e.v, []member{m})
		}
	}
	return nil
}
