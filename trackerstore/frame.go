package trackerstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"parley/dialogue"
)

// ErrTooLarge means that an event is larger than the store accepts; nothing was stored.
var ErrTooLarge = errors.New("an event is too large to be stored")

// A frame is what one commit adds to a conversation: "commit id:first:count:codec:" and the events, where first is the number
// of events before and codec says how they are written.
const codecJSON = "j" // a JSON array as the reference writes it

// appendFrame writes a frame. No event may be larger than largest bytes.
func appendFrame(dst []byte, id string, first int, events []dialogue.Event, largest int) ([]byte, error) {
	dst = append(append(dst, id...), ':')
	dst = append(strconv.AppendInt(dst, int64(first), 10), ':')
	dst = append(strconv.AppendInt(dst, int64(len(events)), 10), ':')
	dst = append(dst, codecJSON+":["...)
	for i, e := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		before := len(dst)
		dst = dialogue.AppendStoredEventJSON(dst, e)
		if size := len(dst) - before; size > largest {
			return nil, fmt.Errorf("%s event of %d bytes, the limit is %d: %w", e.Kind(), size, largest, ErrTooLarge)
		}
	}
	return append(dst, ']'), nil
}

// frame is a frame that was read.
type frame struct {
	id           string
	first, count int
	events       []dialogue.Event
}

// errFrame means that what is stored is not what this store writes.
var errFrame = errors.New("the stored conversation is damaged")

func decodeFrame(data string) (frame, error) {
	part := strings.SplitN(data, ":", 5)
	if len(part) != 5 {
		return frame{}, fmt.Errorf("%w: a frame without its header", errFrame)
	}
	f := frame{id: part[0]}
	var errFirst, errCount, err error
	f.first, errFirst = strconv.Atoi(part[1])
	f.count, errCount = strconv.Atoi(part[2])
	switch {
	case errFirst != nil || errCount != nil || f.first < 0 || f.count < 0:
		return frame{}, fmt.Errorf("%w: a frame numbered %.20q:%.20q", errFrame, part[1], part[2])
	case part[3] != codecJSON:
		return frame{}, fmt.Errorf("%w: a frame in the unknown codec %.20q", errFrame, part[3])
	}
	if f.events, err = dialogue.DecodeStoredEvents([]byte(part[4])); err != nil {
		return frame{}, fmt.Errorf("%w: frame of event %d: %w", errFrame, f.first, err)
	}
	if len(f.events) != f.count {
		return frame{}, fmt.Errorf("%w: a frame with %d events instead of %d", errFrame, len(f.events), f.count)
	}
	return f, nil
}

// decodeFrames reads frames that follow one another, which is checked, and returns their events and the number of events
// before them.
func decodeFrames(data []any, check bool) (events []dialogue.Event, first int, err error) {
	for i, item := range data {
		text, ok := item.(string)
		if !ok {
			return nil, 0, fmt.Errorf("%w: a frame that is no string", errFrame)
		}
		f, err := decodeFrame(text)
		if err != nil {
			return nil, 0, err
		}
		if i == 0 {
			first = f.first
		}
		if check && f.first != first+len(events) {
			return nil, 0, fmt.Errorf("%w: a frame of event %d where %d is due", errFrame, f.first, first+len(events))
		}
		events = append(events, f.events...)
	}
	return events, first, nil
}

// beginsSession reports whether a session begins in a list of events.
func beginsSession(events []dialogue.Event) bool {
	for _, e := range events {
		if a, ok := e.(*dialogue.ActionExecuted); ok && a.Name == dialogue.ActionSessionStart {
			return true
		}
	}
	return false
}
