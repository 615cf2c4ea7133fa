package trackerstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"parley/dialogue"
)

// state is what the server said of a conversation.
type state struct {
	end    end
	from   int64 // version of the first frame that the caller lacks
	first  int64 // version of the first of the frames: those before it are to be fetched
	frames []any // nil: the caller's copy is current, or nothing is stored

	snapshot string // what precedes the frames; "": the caller's copy does, or nothing
}

// readLoaded takes what a script loads for a turn: its fence and the state.
func readLoaded(list []any) (fence uint64, s state, err error) {
	if len(list) < 2 {
		return 0, state{}, fmt.Errorf("%w: loaded: %.200v", errFrame, list)
	}
	seconds, _ := list[0].(string)
	micros, _ := list[1].(string)
	sec, errSec := strconv.ParseUint(seconds, 10, 32)
	usec, errUsec := strconv.ParseUint(micros, 10, 32)
	if errSec != nil || errUsec != nil {
		return 0, state{}, fmt.Errorf("%w: the server's time %.40q %.40q", errFrame, seconds, micros)
	}
	s, err = readState(list[2:])
	// Larger than those of all turns before, also where the clock was set back, and of a conversation that was deleted.
	return max(sec*1_000_000+usec, s.end.fence+1), s, err
}

// readState takes the answer of the scripts: see state.lua.
func readState(payload any) (state, error) {
	list, ok := payload.([]any)
	if !ok || (len(list) > 1 && len(list) != 5) {
		return state{}, fmt.Errorf("%w: state: %.200v", errFrame, payload)
	}
	if len(list) == 0 {
		return state{}, nil
	}
	text, _ := list[0].(string)
	e, err := parseEnd(text)
	if err != nil {
		return state{}, err
	}
	s := state{end: e}
	if len(list) == 1 {
		return s, nil
	}
	s.frames, ok = list[1].([]any)
	first, isFirst := list[2].(int64)
	from, isFrom := list[3].(int64)
	if !ok || !isFirst || !isFrom || len(s.frames) == 0 {
		return state{}, fmt.Errorf("%w: state: %.200v", errFrame, list)
	}
	s.first, s.from = first, from
	s.snapshot, _ = list[4].(string)
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
		have.end = s.end
		r.onHistory(ctx, &have, s.end)
		return have, nil
	case s.frames == nil:
		return copyOf{}, fmt.Errorf("%w: no frames", errFrame)
	}
	r.observeCache(have, "miss")
	k, err := r.begun(senderID, d, &s, have)
	if err != nil {
		return copyOf{}, err
	}
	r.onHistory(ctx, &k, s.end)
	frames := s.frames
	if s.first > s.from {
		older, err := r.olderFrames(ctx, senderID, s.end, s.from, s.first)
		if err != nil {
			return copyOf{}, err
		}
		frames = append(older, frames...)
	}
	if due := s.end.version - s.from + 1; int64(len(frames)) != due {
		return copyOf{}, fmt.Errorf("%w: %d frames where %d are due", errFrame, len(frames), due)
	}
	if err := k.follow(frames, s.end, !r.unchecked); err != nil {
		return copyOf{}, err
	}
	r.cache.put(senderID, k)
	return k, nil
}

// begun is what the frames of a state follow: the copy, the snapshot, or nothing. Where the snapshot is of no use the state begins with
// the session instead.
func (r *Redis) begun(senderID string, d *dialogue.Domain, s *state, have copyOf) (copyOf, error) {
	switch {
	case s.snapshot != "":
		number, data, _ := strings.Cut(s.snapshot, ":")
		base, err := strconv.Atoi(number)
		var t *dialogue.Tracker
		if err == nil {
			t, err = dialogue.FromSnapshot(senderID, d, []byte(data))
		}
		if err == nil && base > 0 {
			return copyOf{end: end{events: base}, tracker: t, base: base, bytes: len(data)}, nil
		}
		r.log.Debug("a snapshot is not used", "error", err) // of another model, or of another version of the program
		s.from = s.end.began
	case s.from > s.end.began: // what came after the copy
		if have.tracker == nil {
			return copyOf{}, fmt.Errorf("%w: frames that follow nothing", errFrame)
		}
		have.tracker = have.tracker.Copy()
		return have, nil
	}
	return copyOf{tracker: dialogue.NewTracker(senderID, d)}, nil
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

// olderFrames fetches the frames of a long session, from one version up to another, that did not come with the lock. Nobody changes
// them while it is held; if it was lost in the meantime, their numbers tell, or the commit will.
func (r *Redis) olderFrames(ctx context.Context, senderID string, e end, from, to int64) ([]any, error) {
	frames := make([]any, 0, min(to-from, pageFrames))
	for ; from < to; from += pageFrames {
		page, err := r.rdb.LRange(ctx, r.keys.frames(senderID), e.index(from), e.index(min(from+pageFrames, to)-1)).Result()
		if err != nil {
			return nil, failed(ctx, "load older events", err)
		}
		for _, f := range page {
			frames = append(frames, f)
		}
	}
	return frames, nil
}

// onHistory says how the events of the latest session are loaded that come before the snapshot with which a copy begins. ctx is the
// turn's: nobody else changes the conversation.
func (r *Redis) onHistory(ctx context.Context, k *copyOf, e end) {
	senderID, base := k.tracker.SenderID, k.base
	k.tracker.OnHistory(func() ([]dialogue.Event, error) {
		var events []dialogue.Event
		for at, n := e.began, -1; n < base; at += pageFrames {
			frames, err := r.olderFrames(ctx, senderID, e, at, min(at+pageFrames, e.version+1))
			if err != nil {
				return nil, err
			}
			for f, err := range inOrder(frames, n, true) {
				if err != nil {
					return nil, err
				}
				if n = f.first + f.count; n > base {
					return nil, fmt.Errorf("%w: frames up to event %d, with a snapshot of event %d", errFrame, n, base)
				}
				if events = append(events, f.events...); n == base {
					break
				}
			}
			if n < base && len(frames) < pageFrames {
				return nil, fmt.Errorf("%w: no frames up to event %d", errFrame, base)
			}
		}
		return events[beginningOfSession(events):], nil
	})
}

// beginningOfSession is the index at which the latest session begins.
func beginningOfSession(events []dialogue.Event) int {
	for i := len(events) - 1; i > 0; i-- {
		if beginsSession(events[i : i+1]) {
			return i
		}
	}
	return 0
}
