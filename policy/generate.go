package policy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"parley/dialogue"
)

// augmentationRounds is how often whole stories are put one after another.
const augmentationRounds = 3

// story is a conversation made of story steps.
type story struct {
	tracker   *dialogue.Tracker
	names     []string // of its steps, each once
	first     *dialogue.StoryStep
	last      *dialogue.StoryStep
	rule      bool
	augmented bool
	labels    []label // the actions, oldest first; see trainer.read
	past      int32   // number of its states before its actions, see generator.history
	states    int32   // number of all its states; 0: not known yet
}

// label is an action of a story.
type label struct {
	action        int // id, -1: not in the domain
	event         *dialogue.ActionExecuted
	unpredictable bool // not to be learned: nothing comes before it
}

// title is the names of a story's steps.
func (s *story) title() string { return strings.Join(s.names, " > ") }

// describe is the story's title and where it begins.
func (s *story) describe() string {
	return "'" + s.title() + "'" + where(s.first)
}

func where(s *dialogue.StoryStep) string {
	if s == nil || s.File == "" {
		return ""
	}
	return " (" + place(s.File, s.Line, "") + ")"
}

// generator makes conversations of story steps (Rasa 3.6.21 shared/core/generator.py TrainingDataGenerator).
type generator struct {
	t         *trainer
	graph     *storyGraph
	histories *sequences // of states, to tell stories apart
	finished  map[[2]int32]bool
	random    *rand.Rand
	factor    int // of augmentation
}

func newGenerator(t *trainer, factor int) *generator {
	g := &generator{
		t: t, graph: newStoryGraph(t.steps), histories: newSequences(), finished: map[[2]int32]bool{}, factor: factor,
		random: rand.New(rand.NewPCG(t.opts.Seed, 42)), //nolint:gosec // training is to be repeatable
	}
	for _, n := range g.graph.nodes {
		n.events = t.explicit(n)
	}
	return g
}

// run makes the stories, or the rules.
func (g *generator) run(ctx context.Context, rule bool) ([]*story, error) {
	var nodes []*storyNode
	for _, n := range g.graph.nodes {
		if n.step.Rule == rule {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		return nil, nil
	}
	r := &generation{g: g, nodes: nodes, rule: rule, used: nameSet{}, active: map[string][]*story{}}
	for _, n := range nodes {
		if slices.ContainsFunc(n.start, func(c dialogue.Checkpoint) bool { return c.Name == dialogue.StoryStart }) {
			r.begins++
		}
	}
	r.active[dialogue.StoryStart] = []*story{{tracker: dialogue.NewTracker("", g.t.domain), rule: rule}}
	if err := r.reachAll(ctx); err != nil {
		return nil, err
	}
	if !rule {
		for range augmentationRounds {
			if g.factor <= 0 {
				break
			}
			if err := r.augment(ctx); err != nil {
				return nil, err
			}
		}
	}
	all := append(r.early, r.ends...)
	original := slices.DeleteFunc(slices.Clone(all), func(s *story) bool { return s.augmented })
	augmented := slices.DeleteFunc(all, func(s *story) bool { return !s.augmented })
	return append(original, g.sample(augmented, 10*g.factor)...), nil
}

// generation is one run of a generator.
type generation struct {
	g      *generator
	nodes  []*storyNode
	rule   bool
	active map[string][]*story // stories that have reached a checkpoint
	used   nameSet             // checkpoints where steps have begun
	early  []*story            // finished before a story's end
	ends   []*story            // finished
	random bool                // augmentation: take a sample of what comes in
	begins int                 // steps that begin a story
}

// reachAll walks over all steps until no checkpoint is reached that was not reached before.
func (r *generation) reachAll(ctx context.Context) error {
	var before nameSet
	for {
		unused, err := r.phase(ctx)
		if err != nil {
			return err
		}
		for name := range r.active {
			if !r.used[name] {
				unused[name] = true
			}
		}
		next := map[string][]*story{}
		waiting := 0
		for name := range unused {
			if name != dialogue.StoryStart && len(r.active[name]) > 0 {
				next[name] = r.active[name]
				waiting += len(next[name])
			}
		}
		r.active = next
		done := waiting == 0 || before != nil && unused.equal(before)
		before = unused
		if !done {
			continue
		}
		for name := range r.used {
			delete(before, name)
		}
		for _, name := range sortedKeys(before) {
			r.early = append(r.early, r.active[name]...)
		}
		r.warnAboutCheckpoints(before)
		return nil
	}
}

// augment lets a sample of the stories go on with other stories.
func (r *generation) augment(ctx context.Context) error {
	r.used, r.random = nameSet{}, true
	r.active = map[string][]*story{}
	for _, s := range r.g.sample(slices.Clone(r.ends), r.g.factor) {
		next := &story{tracker: s.tracker.Copy(), names: s.names, first: s.first, augmented: true, past: s.past}
		undo := &dialogue.ActionReverted{} // stories begin and end with action_listen: one is enough
		r.g.remember(next, undo)
		next.tracker.Append(undo)
		r.active[dialogue.StoryStart] = append(r.active[dialogue.StoryStart], next)
	}
	_, err := r.phase(ctx)
	return err
}

// phase walks over all steps once, and returns the checkpoints that were not used, or were reached after their use.
func (r *generation) phase(ctx context.Context) (nameSet, error) {
	unused := nameSet{}
	for _, n := range r.nodes {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("make stories of story steps: %w", err)
		}
		var incoming []*story
		for _, c := range n.start {
			switch {
			case len(r.active[c.Name]) > 0:
				incoming = append(incoming, meeting(r.active[c.Name], c.Conditions)...)
				r.used[c.Name] = true
			case !r.used[c.Name]:
				unused[c.Name] = true
			}
		}
		if incoming = r.g.unique(incoming); len(incoming) == 0 {
			continue
		}
		if r.random {
			incoming = r.g.sample(incoming, r.room(n, len(incoming)))
		}
		outgoing := r.walk(n, incoming)
		for _, c := range n.end {
			name := r.g.graph.startOf(c.Name)
			r.active[name] = append(r.active[name], outgoing...)
			if r.used[name] {
				unused[name] = true
			}
		}
		if len(n.end) == 0 {
			r.ends = append(r.ends, r.g.unfinished(outgoing)...)
		}
	}
	return unused, nil
}

// room is how many stories may go on with a step. In large projects, where the reference makes far more stories than it keeps, each
// step that begins a story takes a part of them only.
func (r *generation) room(n *storyNode, incoming int) int {
	limit := 10 * r.g.factor
	begins := slices.ContainsFunc(n.start, func(c dialogue.Checkpoint) bool { return c.Name == dialogue.StoryStart })
	if wanted := 4 * limit; begins && r.begins*incoming > wanted {
		share := float64(wanted) / float64(r.begins)
		limit = min(limit, int(share+r.g.random.Float64()))
	}
	return limit
}

// walk continues stories with the events of a step. A story that is about to be reverted or restarted is finished as it is, too.
func (r *generation) walk(n *storyNode, incoming []*story) []*story {
	if len(n.events) == 0 {
		return nil
	}
	outgoing := make([]*story, 0, len(incoming))
	for _, s := range incoming {
		next := &story{tracker: s.tracker.Copy(), names: s.names, first: s.first, rule: s.rule, augmented: s.augmented, past: s.past}
		if next.first == nil {
			next.first = n.step
		}
		next.last = n.step
		if !slices.Contains(next.names, n.step.Name) {
			next.names = append(slices.Clip(next.names), n.step.Name)
		}
		for _, e := range n.events {
			switch e.(type) {
			case *dialogue.ActionReverted, *dialogue.UserReverted, *dialogue.Restarted:
				end := *next
				end.tracker, end.states = next.tracker.Copy(), 0
				r.early = append(r.early, &end)
			}
			r.g.remember(next, e)
			next.tracker.Append(e)
		}
		outgoing = append(outgoing, next)
	}
	return outgoing
}

// meeting are the stories whose slots have the values that a checkpoint asks for.
func meeting(stories []*story, conditions []dialogue.SlotSet) []*story {
	if len(conditions) == 0 {
		return stories
	}
	return slices.DeleteFunc(slices.Clone(stories), func(s *story) bool {
		return slices.ContainsFunc(conditions, func(c dialogue.SlotSet) bool {
			value, _ := s.tracker.Slot(c.Name)
			return !dialogue.Equal(value, c.Value)
		})
	})
}

// unique are the stories without those that equal an earlier one.
func (g *generator) unique(stories []*story) []*story {
	if len(stories) < 2 {
		return stories
	}
	seen := map[int32]bool{}
	return slices.DeleteFunc(slices.Clone(stories), func(s *story) bool {
		h := g.history(s)
		again := seen[h]
		seen[h] = true
		return again
	})
}

// unfinished are the stories without those that equal one that was finished before.
func (g *generator) unfinished(stories []*story) []*story {
	return slices.DeleteFunc(slices.Clone(stories), func(s *story) bool {
		key := [2]int32{g.history(s), 0}
		if s.rule {
			key[1] = 1
		}
		again := g.finished[key]
		g.finished[key] = true
		return again
	})
}

// history is a number for the states of a story: equal if they are. They are the states as the events came: a form that goes on is
// there at each of its runs, as in the reference, although applied events show it once.
func (g *generator) history(s *story) int32 {
	if s.states == 0 {
		s.states = g.histories.append(s.past, g.present(s.tracker))
	}
	return s.states
}

// remember keeps the state of a story that an event is about to leave behind.
func (g *generator) remember(s *story, e dialogue.Event) {
	switch e.(type) {
	case *dialogue.ActionExecuted:
		s.past = g.histories.append(s.past, g.present(s.tracker))
	case *dialogue.ActionReverted:
		s.past = g.histories.nodes[s.past].parent
	case *dialogue.UserReverted, *dialogue.Restarted:
		s.past = 0
	}
}

// present is the number of a conversation's present state.
func (g *generator) present(t *dialogue.Tracker) int32 {
	v, state := g.t.v, t.State()
	features := make([]symbol, len(v.slots))
	v.slotFeatures(features, state.Slots, false)
	st := v.words(state)
	st.slots = v.vector(features)
	return v.stateID(st)
}

// momentsOf lists the moments of a conversation, oldest first.
func momentsOf(t *dialogue.Tracker) []dialogue.Moment {
	moments := make([]dialogue.Moment, t.MomentCount())
	i := len(moments)
	for m := range t.Moments() {
		i--
		moments[i] = m
	}
	return moments
}

// sample is a random part of stories of at most n.
func (g *generator) sample(stories []*story, n int) []*story {
	if len(stories) <= n {
		return stories
	}
	g.random.Shuffle(len(stories), func(i, j int) { stories[i], stories[j] = stories[j], stories[i] })
	return stories[:n]
}

func (r *generation) warnAboutCheckpoints(unused nameSet) {
	if unused[dialogue.StoryStart] {
		r.g.t.warn("no story begins without a checkpoint: none can be used")
	}
	warned := nameSet{}
	for _, n := range r.nodes {
		for _, c := range n.start {
			r.warnAboutCheckpoint(warned, n.step, c.Name, unused, "begins at", "ends in")
		}
		for _, c := range n.end {
			r.warnAboutCheckpoint(warned, n.step, c.Name, unused, "ends in", "begins at")
		}
	}
}

func (r *generation) warnAboutCheckpoint(warned nameSet, s *dialogue.StoryStep, name string, unused nameSet, verb, missing string) {
	if !unused[name] || strings.HasPrefix(name, generatedPrefix) || name == dialogue.StoryStart || warned[verb+name+"\x00"+s.Name] {
		return
	}
	warned[verb+name+"\x00"+s.Name] = true
	r.g.t.warn(fmt.Sprintf("%sstory '%s' %s checkpoint '%s', but no story %s it", place(s.File, s.Line, ": "), s.Name, verb, name, missing))
}
