package trackerstore

import (
	"context"
	"fmt"
	"strconv"

	"parley/dialogue"
)

// state is what the server said of a conversation.
type state struct {
	end    end
	from   int   // index of the first frame that the caller lacks
	first  int   // index of the first of the frames: those before it are to be fetched
	frames []any // nil: the caller's copy is current, or nothing is stored
}

// readLoaded takes what a script loads for a turn: its fence and the state.
func readLoaded(payload any) (fence uint64, s state, err error) {
	list, _ := payload.([]any)
	if len(list) != 2 {
		return 0, state{}, fmt.Errorf("%w: loaded: %.200v", errFrame, payload)
	}
	text, _ := list[0].(string)
	if fence, err = strconv.ParseUint(text, 10, 64); err != nil {
		return 0, state{}, fmt.Errorf("%w: the fence %.40q", errFrame, text)
	}
	s, err = readState(list[1])
	return fence, s, err
}

// readState takes the answer of the scripts: see state.lua.
func readState(payload any) (state, error) {
	list, ok := payload.([]any)
	if !ok || (len(list) != 0 && len(list) != 5 && len(list) != 8) {
		return state{}, fmt.Errorf("%w: state: %v", errFrame, payload)
	}
	if len(list) == 0 {
		return state{}, nil
	}
	var s state
	var numbers [4]int64
	s.end.id, ok = list[0].(string)
	for i := range numbers {
		text, isText := list[1+i].(string)
		n, err := strconv.ParseInt(text, 10, 64)
		ok = ok && isText && err == nil && n >= 0
		numbers[i] = n
	}
	s.end.version, s.end.events, s.end.from, s.end.sessions = numbers[0], int(numbers[1]), int(numbers[2]), int(numbers[3])
	if len(list) == 8 {
		first, isFirst := list[5].(int64)
		frames, isList := list[6].([]any)
		from, isFrom := list[7].(int64)
		ok = ok && isFirst && isList && isFrom && len(frames) > 0
		s.first, s.frames, s.from = int(first), frames, int(from)
	}
	if !ok || s.end.id == "" {
		return state{}, fmt.Errorf("%w: state: %.200v", errFrame, list)
	}
	return s, nil
}

// decode returns the conversation at the end of which the server told, from the copy if that is current. The tracker is nil
// for a conversation that is not stored.
func (r *Redis) decode(ctx context.Context, senderID string, d *dialogue.Domain, s state, have copyOf) (copyOf, error) {
	switch {
	case s.end.id == "":
		if have.tracker != nil {
			r.cache.drop(senderID)
		}
		r.observeCache(have, "miss")
		return copyOf{}, nil
	case s.frames == nil && have.tracker != nil && have.end.id == s.end.id:
		r.observeCache(have, "hit")
		return copyOf{end: s.end, tracker: have.tracker}, nil
	case s.frames == nil:
		return copyOf{}, fmt.Errorf("%w: no frames", errFrame)
	}
	r.observeCache(have, "miss")
	frames := s.frames
	if s.first > s.from {
		older, err := r.olderFrames(ctx, senderID, s.from, s.first)
		if err != nil {
			return copyOf{}, err
		}
		frames = append(older, frames...)
	}
	events, first, err := decodeFrames(frames, !r.unchecked)
	if err != nil {
		return copyOf{}, err
	}
	if !r.unchecked && first+len(events) != s.end.events {
		return copyOf{}, fmt.Errorf("%w: %d events where %d are due", errFrame, first+len(events), s.end.events)
	}
	t := dialogue.NewTracker(senderID, d)
	if s.from > s.end.from { // what came after the copy
		if have.tracker == nil || (!r.unchecked && first != have.end.events) {
			return copyOf{}, fmt.Errorf("%w: frames from event %d on, which follow nothing", errFrame, first)
		}
		t = have.tracker.Copy()
	}
	t.Append(events...)
	k := copyOf{end: s.end, tracker: cut(t)}
	r.cache.put(senderID, k)
	return k, nil
}

func (r *Redis) observeCache(have copyOf, result string) {
	f := r.opts.Observer.Cached
	if f == nil {
		return
	}
	if result == "miss" && have.tracker != nil {
		result = "stale"
	}
	f(result)
}

// pageFrames is how many frames are fetched at once.
const pageFrames = 128

// olderFrames fetches the frames of a long session that did not come with the lock. Nobody changes them while it is held; if
// it was lost in the meantime, their numbers tell, or the commit will.
func (r *Redis) olderFrames(ctx context.Context, senderID string, from, to int) ([]any, error) {
	frames := make([]any, 0, to-from)
	for ; from < to; from += pageFrames {
		page, err := r.rdb.LRange(ctx, r.keys.frames(senderID), int64(from), int64(min(from+pageFrames, to)-1)).Result()
		if err != nil {
			return nil, failed(ctx, "load older events", err)
		}
		for _, f := range page {
			frames = append(frames, f)
		}
	}
	return frames, nil
}

// whole reports whether a copy holds all sessions.
func (k copyOf) whole() bool { return k.tracker != nil && k.tracker.Len() == k.end.events }

// cut leaves the latest session of a tracker, the tracker itself if it holds no other.
func cut(t *dialogue.Tracker) *dialogue.Tracker {
	if c := t.Rebuilt(true); c.Len() < t.Len() {
		return c
	}
	return t
}

// latest is the tracker of a turn. As in the reference, the state of the only session follows from its applied events and
// the state of a session that follows others from its raw events.
func (k copyOf) latest(d *dialogue.Domain) *dialogue.Tracker {
	t := k.tracker
	if t.Domain() != d {
		t = dialogue.NewTracker(t.SenderID, d)
		t.Append(k.tracker.Events(0)...)
	}
	rebuilt := t.Rebuilt(true)
	if rebuilt.Len() == t.Len() && !k.whole() {
		return t.Copy()
	}
	return rebuilt
}
