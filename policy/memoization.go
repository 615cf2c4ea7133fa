package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"parley/dialogue"
)

// memoization recalls what came next in a story when the conversation is the same so far (Rasa 3.6.21
// core/policies/memoization.py). Augmented, it also forgets the beginning of the conversation, action by action.
type memoization struct {
	settings  *settings
	augmented bool
	stories   *sequences
	entries   []memory
	reasons   []string
	// heads are the newest states of the memorised sequences, but for their slots and loops.
	heads map[state]bool
}

// memory is what comes after a memorised sequence.
type memory struct {
	action int
	reason int
}

// trainMemoization memorises all stories, each up to each of its actions. What two stories continue differently is not memorised.
func trainMemoization(ctx context.Context, t *trainer, s *settings) (trained, error) {
	m := &memoization{settings: s, augmented: s.Name == augmentedMemoization, stories: newSequences()}
	byNode := map[int32]int{} // node to entry
	var nodes []int32
	var contradicted []bool
	trackers := t.stories
	for n, tr := range trackers {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("memorise stories: %w", err)
		}
		t.progress(s.Name, n, len(trackers))
		states := t.storyStates(tr)
		reason := -1
		node := int32(0)
		for i, label := range tr.labels {
			if s.History > 0 {
				node = 0
				for _, id := range states[max(0, i+1-s.History) : i+1] {
					node = m.stories.append(node, id)
				}
			} else {
				node = m.stories.append(node, states[i])
			}
			if label.unpredictable || label.action < 0 {
				continue
			}
			if entry, ok := byNode[node]; ok {
				contradicted[entry] = contradicted[entry] || m.entries[entry].action != label.action
				continue
			}
			if reason < 0 {
				reason = len(m.reasons)
				m.reasons = append(m.reasons, "story "+tr.describe())
			}
			byNode[node] = len(m.entries)
			m.entries = append(m.entries, memory{label.action, reason})
			nodes = append(nodes, node)
			contradicted = append(contradicted, false)
		}
	}
	kept := m.entries[:0]
	for i, e := range m.entries {
		if !contradicted[i] {
			m.stories.insert(nodes[i])
			kept = append(kept, e)
		}
	}
	m.entries = kept
	m.stories.seal()
	m.noteHeads(t.v)
	return m, nil
}

func (m *memoization) noteHeads(v *vocabulary) {
	m.heads = map[state]bool{}
	for _, node := range m.stories.ends {
		m.heads[v.statesBy[m.stories.nodes[node].state].head()] = true
	}
}

// head is what of a state is cheap to read.
func (s state) head() state {
	s.slots, s.loop = absent, absent
	return s
}

func (m *memoization) vote(_ context.Context, w *window) (vote, error) {
	var v vote
	entry := m.recall(w)
	if entry < 0 {
		v.reason = "no story goes on from here"
		return v, nil
	}
	confidence := 1.0
	if m.settings.NLUConfidence {
		confidence = intentConfidence(w.now)
	}
	e := m.entries[entry]
	v.set(e.action, confidence)
	v.reason = m.reasons[e.reason]
	return v, nil
}

func (m *memoization) simple() bool { return true }

// evidence is the memorised history.
func (m *memoization) evidence(w *window) []string {
	entry := m.recall(w)
	if entry < 0 {
		return nil
	}
	var states []string
	for node := m.stories.ends[entry]; node != 0; node = m.stories.nodes[node].parent {
		states = append(states, string(w.v.appendState(nil, w.v.statesBy[m.stories.nodes[node].state])))
	}
	slices.Reverse(states)
	return states
}

// intentConfidence is the confidence in the latest intent, 1 if nobody gave one.
func intentConfidence(s *dialogue.State) float64 {
	if s.LatestMessage == nil {
		return 1
	}
	intent := &s.LatestMessage.Parse.Intent
	if intent.Absent || intent.NoConfidence {
		return 1
	}
	return intent.Confidence
}

// maxForgetting is how far back the beginning of a conversation is looked for, in actions. The reference knows no limit, but hidden
// turns of rules must lie between.
const maxForgetting = 512

// recall is the entry of the conversation, -1 if there is none.
func (m *memoization) recall(w *window) int32 {
	if len(m.entries) == 0 {
		return -1
	}
	if entry := m.find(w.whole()); entry >= 0 || !m.augmented {
		return entry
	}
	for cut := min(m.oldestCut(w), maxForgetting); cut > 0; cut-- {
		if entry := m.find(w.since(cut)); entry >= 0 {
			return entry
		}
	}
	return -1
}

// find looks a view up.
func (m *memoization) find(v view) int32 {
	var c cursor
	for m.settings.History == 0 || v.given < m.settings.History {
		s, at, ok := v.previous()
		if !ok {
			break
		}
		if v.given == 1 && !m.heads[s.head()] {
			return -1
		}
		s.slots = v.slots(at)
		if !m.stories.step(&c, v.w.v.stateID(s)) {
			return -1
		}
	}
	return m.stories.value(c)
}

// oldestCut is the earliest moment at which a shortened conversation may begin and still be memorised.
func (m *memoization) oldestCut(w *window) int {
	oldest := w.count - 1
	if h := m.settings.History; h > 0 {
		for i := h + 1; w.need(i); i++ {
			if a := w.at(i).action; a != nil && a.Name == dialogue.ActionListen {
				return i
			}
		}
		return oldest
	}
	visible := 1 // the first one always is
	for i := 0; i < min(oldest, maxForgetting); i++ {
		if w.need(i) && w.surelyVisible(i) {
			visible++
		}
		if visible > m.stories.longest {
			return i
		}
	}
	return oldest
}

// savedMemoization is a memoization as it is stored. States are numbers of States, which has stateSize symbols of each.
type savedMemoization struct {
	States  []symbol `json:"states"`
	Parents []int32  `json:"parents"`
	Nodes   []int32  `json:"nodes"`   // state of each node
	Ends    []int32  `json:"ends"`    // node of each entry
	Actions []string `json:"actions"` // next action of each entry
	Because []int    `json:"because"` // of each entry, in Reasons
	Reasons []string `json:"reasons"`
}

func (m *memoization) encode(v *vocabulary) any {
	s := savedMemoization{Reasons: m.reasons, Ends: m.stories.ends}
	known := map[int32]int32{}
	for _, n := range m.stories.nodes[1:] {
		id, ok := known[n.state]
		if !ok {
			id = int32(len(s.States) / stateSize)
			known[n.state] = id
			s.States = v.statesBy[n.state].appendSymbols(s.States)
		}
		s.Parents, s.Nodes = append(s.Parents, n.parent), append(s.Nodes, id)
	}
	for _, e := range m.entries {
		s.Actions = append(s.Actions, v.domain.Actions[e.action])
		s.Because = append(s.Because, e.reason)
	}
	return s
}

func decodeMemoization(data []byte, v *vocabulary, s *settings) (trained, error) {
	var saved savedMemoization
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, fmt.Errorf("read memorised stories: %w", err)
	}
	if len(saved.Actions) != len(saved.Ends) || len(saved.Because) != len(saved.Ends) {
		return nil, fmt.Errorf("%d sequences, %d actions and %d reasons", len(saved.Ends), len(saved.Actions), len(saved.Because))
	}
	if len(saved.States)%stateSize != 0 {
		return nil, fmt.Errorf("%d symbols are not those of whole states", len(saved.States))
	}
	ids := make([]int32, len(saved.States)/stateSize)
	for i := range ids {
		st, err := v.fromSymbols(saved.States[i*stateSize : (i+1)*stateSize])
		if err != nil {
			return nil, fmt.Errorf("state %d: %w", i, err)
		}
		ids[i] = v.stateID(st)
	}
	for i, n := range saved.Nodes {
		if n < 0 || int(n) >= len(ids) {
			return nil, fmt.Errorf("node %d is out of range", i)
		}
		saved.Nodes[i] = ids[n]
	}
	m := &memoization{settings: s, augmented: s.Name == augmentedMemoization, reasons: saved.Reasons}
	for i, name := range saved.Actions {
		action := v.domain.ActionIndex(name)
		if action < 0 {
			return nil, fmt.Errorf("the domain has no action %q", name)
		}
		if saved.Because[i] < 0 || saved.Because[i] >= len(saved.Reasons) {
			return nil, fmt.Errorf("reason %d is out of range", saved.Because[i])
		}
		m.entries = append(m.entries, memory{action, saved.Because[i]})
	}
	var err error
	if m.stories, err = restoreSequences(saved.Parents, saved.Nodes, len(v.statesBy), saved.Ends); err != nil {
		return nil, err
	}
	m.noteHeads(v)
	return m, nil
}
