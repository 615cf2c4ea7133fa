package agent

import (
	"container/heap"
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"parley/dialogue"
	"parley/logging"
)

// reminders are the one-shot jobs that events have scheduled, in memory: they end with the process. A job belongs to its
// conversation: unlike the reference, two conversations may use the same name (quirk Q13), and cancelling touches one only.
type reminders struct {
	mu    sync.Mutex
	queue jobQueue
	byKey map[jobKey]*job
	wake  chan struct{} // holds one token when the head of the queue may have changed
}

// misfireGrace is how late a reminder may be when it is scheduled. An older one never fires, as in the reference.
const misfireGrace = time.Second

// maxReminders bounds the jobs of a process. More are refused with a log line by the agent.
const maxReminders = 100_000

type jobKey struct{ senderID, name string }

type job struct {
	key     jobKey
	due     time.Time
	channel string // of the turn that scheduled it
	event   *dialogue.ReminderScheduled
	index   int // in the queue
}

func (r *reminders) init() {
	r.byKey = make(map[jobKey]*job)
	r.wake = make(chan struct{}, 1)
}

// update schedules and cancels what a stored turn asked for, in order. It returns how many reminders it had no room for.
func (r *reminders) update(senderID, channel string, events []dialogue.Event, now time.Time) (refused int) {
	if len(events) == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		switch e := e.(type) {
		case *dialogue.ReminderScheduled:
			due, err := e.Due(now.Location())
			if err != nil || now.Sub(due) > misfireGrace {
				continue // refused when the event was read, or too late from the start
			}
			r.remove(r.byKey[jobKey{senderID, e.Name}])
			if len(r.queue) >= maxReminders {
				refused++
				continue
			}
			j := &job{key: jobKey{senderID, e.Name}, due: due, channel: channel, event: e}
			r.byKey[j.key] = j
			heap.Push(&r.queue, j)
		case *dialogue.ReminderCancelled:
			for _, j := range slices.Clone(r.queue) {
				if j.key.senderID == senderID && cancels(e, j.event) {
					r.remove(j)
				}
			}
		}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return refused
}

// remove takes a job out; nil is no job.
func (r *reminders) remove(j *job) {
	if j == nil {
		return
	}
	heap.Remove(&r.queue, j.index)
	delete(r.byKey, j.key)
}

// cancels reports whether a cancellation means a reminder: all that it names must be equal.
func cancels(c *dialogue.ReminderCancelled, r *dialogue.ReminderScheduled) bool {
	if c.Name != "" && c.Name != r.Name || c.Intent != "" && c.Intent != r.Intent {
		return false
	}
	return isEmpty(c.Entities) || reflect.DeepEqual(c.Entities, r.Entities)
}

// isEmpty reports whether a plain value is what Python takes for false.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// next takes the first job that is due, or says how long until one is (at most a minute).
func (r *reminders) next(now time.Time) (*job, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil, time.Minute
	}
	if wait := r.queue[0].due.Sub(now); wait > 0 {
		return nil, min(wait, time.Minute)
	}
	j := r.queue[0]
	r.remove(j)
	return j, 0
}

// Run fires reminders until ctx ends. Without it none fire.
func (a *Agent) Run(ctx context.Context) error {
	for {
		j, wait := a.reminders.next(a.cfg.Now())
		if j != nil {
			if err := a.fire(ctx, j); err != nil && ctx.Err() == nil {
				a.cfg.Log.Error("a reminder failed", "sender_id", j.key.senderID, "reminder", logging.UserText(j.key.name), "error", err)
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-a.reminders.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// fire runs a due reminder as an external event, unless a message, a restart or a new session came between (Rasa:
// core/processor.py handle_reminder). One that is dropped stores nothing.
func (a *Agent) fire(ctx context.Context, j *job) (err error) {
	defer func() { // a turn that a request asked for is caught by the server; this one would end the process
		if p := recover(); p != nil {
			a.cfg.Metrics.Panicked("turn")
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack()) //nolint:err113 // of a mistake that is not known yet
		}
	}()
	cur := a.current.Load()
	if cur == nil {
		return ErrNoModel
	}
	var send Send
	if a.cfg.Output != nil {
		send, _ = a.cfg.Output(j.channel, j.key.senderID)
	}
	late, outcome := a.cfg.Now().Sub(j.due), "run"
	_, err = a.repeat(ctx, cur, j.key.senderID, output{channel: j.channel, send: send, kind: kindReminder}, func(ctx context.Context, t *turn) error {
		if err := t.updateSession(ctx, nil); err != nil {
			return err
		}
		if !t.stillWanted(j.event) {
			outcome = "invalid"
			return errDropped
		}
		return t.external(ctx, j.event.Intent, j.event.Entities)
	})
	if err != nil {
		outcome = "error"
	}
	a.cfg.Metrics.ReminderFired(outcome, late)
	return err
}

// stillWanted reports whether a reminder's event still counts, and no user text followed it if that ends it.
func (t *turn) stillWanted(r *dialogue.ReminderScheduled) bool {
	found := false
	for e := range t.tracker.Backward() {
		if u, ok := e.(*dialogue.UserUttered); ok && r.KillOnUserMessage && u.Text != nil {
			return false
		}
		if other, ok := e.(*dialogue.ReminderScheduled); ok && other.Name == r.Name {
			found = true
			break
		}
	}
	if !found {
		return false
	}
	for e := range t.tracker.AppliedBackward() {
		if other, ok := e.(*dialogue.ReminderScheduled); ok && other.Name == r.Name {
			return true
		}
	}
	return false
}

// jobQueue is a heap of jobs, the earliest first, ties by key.
type jobQueue []*job

func (q jobQueue) Len() int { return len(q) }

func (q jobQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].key.senderID+"\x00"+q[i].key.name < q[j].key.senderID+"\x00"+q[j].key.name
}

func (q jobQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push adds a job; container/heap calls it.
func (q *jobQueue) Push(x any) {
	j, _ := x.(*job)
	j.index = len(*q)
	*q = append(*q, j)
}

// Pop takes the last job; container/heap calls it.
func (q *jobQueue) Pop() any {
	old := *q
	j := old[len(old)-1]
	*q = old[:len(old)-1]
	return j
}
