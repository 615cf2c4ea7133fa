package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"parley/learn"
)

// learned are the options of the policies that learn from stories by weights.
type learned struct {
	Threshold   float64  `json:"e2e_confidence_threshold,omitempty"`
	Ranking     int      `json:"ranking_length,omitempty"` // 0: all
	Renormalize bool     `json:"renormalize_confidences,omitempty"`
	Tolerance   float64  `json:"tolerance,omitempty"`
	Ignore      []string `json:"ignore_intents_list,omitempty"`
	Seed        uint64   `json:"random_seed,omitempty"`
	NoEntities  bool     `json:"no_entities,omitempty"` // entity_recognition: false

	noBILOU bool            // BILOU_flag: false
	split   map[string]bool // split_entities_by_comma, by type of entity; "" for all others
}

// setLearned takes over one option of these policies. Those of a neural network have no effect.
func (s *settings) setLearned(name string, value any) error {
	l := &s.Learned
	switch name {
	case "tolerance":
		if l.Tolerance = toFloat(value); l.Tolerance < 0 || l.Tolerance > 1 {
			return s.fail(ErrInvalidConfig, "option %q must lie between 0 and 1", name)
		}
	case "e2e_confidence_threshold":
		if l.Threshold = toFloat(value); l.Threshold < 0 || l.Threshold > 1 {
			return s.fail(ErrInvalidConfig, "option %q must lie between 0 and 1", name)
		}
	case "ranking_length":
		if l.Ranking = toInt(value); l.Ranking < 0 {
			return s.fail(ErrInvalidConfig, "option %q must not be negative", name)
		}
	case "entity_recognition":
		l.NoEntities = value == false
	case "BILOU_flag":
		l.noBILOU = value == false
	case "split_entities_by_comma":
		return s.setSplit(value)
	case "renormalize_confidences":
		l.Renormalize = value == true
	case "random_seed":
		l.Seed = uint64(toInt(value))
	case "ignore_intents_list":
		list, _ := value.([]any)
		for _, x := range list {
			intent, _ := x.(string)
			l.Ignore = append(l.Ignore, intent)
		}
	}
	return nil
}

// scorer gives every class a score for a window of states.
type scorer struct {
	columns map[uint64]uint32
	keys    []uint64 // of the columns
	slots   []int
	memory  bool
	model   *learn.Linear
	scratch sync.Pool // *scratch
}

type scratch struct {
	reader
	cols   []uint32
	vals   []float32
	scores []float32
}

func newScorer(slots []int, memory bool) *scorer {
	s := &scorer{columns: map[uint64]uint32{}, slots: slots, memory: memory}
	s.scratch.New = func() any { return new(scratch) }
	return s
}

// open takes scratch memory, which goes back by close.
func (s *scorer) open(v *vocabulary) *scratch {
	x, _ := s.scratch.Get().(*scratch)
	x.v, x.slots, x.reader.memory = v, s.slots, s.memory
	return x
}

func (s *scorer) close(x *scratch) { s.scratch.Put(x) }

// row makes the row of a window; with grow, features that are new get a column.
func (s *scorer) row(x *scratch, states []seen, text string, grow bool) {
	x.read(states, text)
	x.cols, x.vals = x.cols[:0], x.vals[:0]
	for _, f := range x.features {
		col, ok := s.columns[f.key]
		if !ok {
			if !grow {
				continue
			}
			col = uint32(len(s.keys))
			s.columns[f.key] = col
			s.keys = append(s.keys, f.key)
		}
		x.cols, x.vals = append(x.cols, col), append(x.vals, f.value)
	}
}

// score gives the scores of a window; they are scratch memory.
func (s *scorer) score(x *scratch, states []seen, text string) []float32 {
	s.row(x, states, text, false)
	x.scores = s.model.Scores(x.scores, x.cols, x.vals)
	return x.scores
}

// savedScorer is a scorer as it is stored. Weights is a file of package learn.
type savedScorer struct {
	Slots   []int  `json:"slots"`
	Weights []byte `json:"weights"`
}

func (s *scorer) encode() savedScorer {
	var w learn.FileWriter
	w.Uint64s("keys", s.keys)
	s.model.Put(&w, "policy")
	data, err := w.Finish()
	if err != nil {
		panic(err) // the names above are good
	}
	return savedScorer{Slots: s.slots, Weights: data}
}

func (saved *savedScorer) decode(v *vocabulary, memory bool) (*scorer, error) {
	for _, i := range saved.Slots {
		if i < 0 || i >= len(v.slots) {
			return nil, fmt.Errorf("slot %d is out of range", i)
		}
	}
	s := newScorer(saved.Slots, memory)
	f, err := learn.OpenFile(saved.Weights)
	if err != nil {
		return nil, err
	}
	if s.keys, err = f.Uint64s("keys"); err != nil {
		return nil, err
	}
	if s.model, err = learn.LinearFrom(f, "policy"); err != nil {
		return nil, err
	}
	if s.model.Features() != len(s.keys) {
		return nil, fmt.Errorf("%d weights for %d features", s.model.Features(), len(s.keys))
	}
	for i, key := range s.keys {
		s.columns[key] = uint32(i)
	}
	return s, nil
}

// decodeLearned reads a learned policy as it was stored into saved, and the scorer that is part of it. The scorer is nil, without an
// error, if nothing was learned.
func decodeLearned(data []byte, v *vocabulary, saved any, part *savedScorer, memory bool) (*scorer, error) {
	if err := json.Unmarshal(data, saved); err != nil {
		return nil, fmt.Errorf("read learned weights: %w", err)
	}
	if len(part.Weights) == 0 {
		return nil, nil
	}
	return part.decode(v, memory)
}

// readStories reads the states of all stories for the learned policies.
func (t *trainer) readStories(ctx context.Context) (all [][]seen, index [][]int, err error) {
	for _, s := range t.stories {
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("read stories: %w", err)
		}
		states, at := t.ofStory(s)
		all, index = append(all, states), append(index, at)
	}
	return all, index, nil
}

// backward is the newest states up to one, newest first, at most limit of them.
func backward(states []seen, to, limit int) []seen {
	window := slices.Clone(states[max(0, to+1-limit) : to+1])
	slices.Reverse(window)
	return window
}

// limit is how many states of a window a policy looks at.
func (s *settings) limit() int {
	if s.History == 0 {
		return reach
	}
	return min(s.History, reach)
}
