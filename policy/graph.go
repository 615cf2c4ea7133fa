package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"parley/dialogue"
)

// generatedPrefix begins the names of checkpoints that nobody wrote.
const generatedPrefix = "GENR_"

// storyNode is a story step in the graph of steps, which checkpoints connect.
type storyNode struct {
	step       *dialogue.StoryStep
	start, end []dialogue.Checkpoint
	events     []dialogue.Event // with those that stories leave out
	id         string           // orders nodes
}

// storyGraph is the graph without cycles (Rasa 3.6.21 shared/core/training_data/structures.py StoryGraph).
type storyGraph struct {
	nodes []*storyNode // each after those that lead to it
	// links are the checkpoints where a cycle was cut: what ends in the first begins again in the second.
	links map[string]string
}

// newStoryGraph sorts steps and cuts cycles.
func newStoryGraph(steps []dialogue.StoryStep) *storyGraph {
	nodes := make([]*storyNode, len(steps))
	for i := range steps {
		s := &steps[i]
		n := &storyNode{step: s, start: slices.Clone(s.Start), end: slices.Clone(s.End)}
		if len(n.start) == 0 {
			n.start = []dialogue.Checkpoint{{Name: dialogue.StoryStart}}
		}
		nodes[i] = n
	}
	identify(nodes)
	_, cyclic := sortNodes(nodes)
	g := &storyGraph{links: map[string]string{}}
	cut := map[string]bool{}
	for id, edge := range cyclic {
		g.cut(nodes, edge[0], edge[1], fmt.Sprintf("%05d", id), cut)
	}
	nodes = g.dropUnused(nodes, cut)
	order, _ := sortNodes(nodes)
	for _, i := range order {
		g.nodes = append(g.nodes, nodes[i])
	}
	return g
}

// identify gives nodes the ids by which the reference orders them: numbers that are compared as text, where the alternatives of an
// OR follow the step that they were copied from. Which edge of a cycle is cut depends on them (golden of the loader, dlg-stories).
func identify(nodes []*storyNode) {
	n := 0
	for i, node := range nodes {
		n++
		alternatives := orCheckpoint(node)
		if alternatives != "" && (i == 0 || orCheckpoint(nodes[i-1]) != alternatives) {
			n++
		}
		node.id = strconv.Itoa(n) + "_"
	}
}

// orCheckpoint is the generated checkpoint that the alternatives of an OR end in.
func orCheckpoint(n *storyNode) string {
	for _, c := range n.end {
		if strings.HasPrefix(c.Name, generatedPrefix+"OR_") {
			return c.Name
		}
	}
	return ""
}

// sortNodes gives the order of nodes, and the edges that lead back.
func sortNodes(nodes []*storyNode) (order []int, cyclic [][2]int) {
	rank := make([]int, len(nodes)) // nodes by id
	for i := range rank {
		rank[i] = i
	}
	byID := func(a, b int) int { return cmp.Or(strings.Compare(nodes[a].id, nodes[b].id), cmp.Compare(a, b)) }
	slices.SortFunc(rank, byID)
	starts := map[string][]int{}
	for i, n := range nodes {
		for _, c := range n.start {
			starts[c.Name] = append(starts[c.Name], i)
		}
	}
	const (
		fresh = iota
		open
		done
	)
	status := make([]int, len(nodes))
	var visit func(i int)
	visit = func(i int) {
		status[i] = open
		var next []int
		for _, c := range nodes[i].end {
			next = append(next, starts[c.Name]...)
		}
		slices.SortFunc(next, byID)
		for _, j := range slices.Compact(next) {
			switch status[j] {
			case open:
				cyclic = append(cyclic, [2]int{i, j})
			case fresh:
				visit(j)
			}
		}
		status[i] = done
		order = append(order, i)
	}
	for _, i := range slices.Backward(rank) {
		if status[i] == fresh {
			visit(i)
		}
	}
	slices.Reverse(order)
	slices.SortFunc(cyclic, func(a, b [2]int) int { return cmp.Or(byID(a[0], b[0]), byID(a[1], b[1])) })
	return order, cyclic
}

// cut takes the edge between two nodes out: the first ends in a checkpoint of its own, which is linked to a new start of the
// second; others that began at the checkpoint are connected by a third one.
func (g *storyGraph) cut(nodes []*storyNode, from, to int, id string, shared map[string]bool) {
	sink, source, connector := generatedPrefix+"CYCL_SINK_"+id, generatedPrefix+"CYCL_SRC_"+id, generatedPrefix+"CYCL_CONN_"+id
	g.links[sink] = source
	var overlap []string
	for _, c := range nodes[from].end {
		if slices.ContainsFunc(nodes[to].start, func(s dialogue.Checkpoint) bool { return s.Name == c.Name }) {
			overlap = append(overlap, c.Name)
			shared[c.Name] = true
		}
	}
	nodes[from].end = slices.DeleteFunc(nodes[from].end, func(c dialogue.Checkpoint) bool { return slices.Contains(overlap, c.Name) })
	nodes[from].end = append(nodes[from].end, dialogue.Checkpoint{Name: sink})
	connected := false
	for i, n := range nodes {
		var more []dialogue.Checkpoint
		for _, c := range n.start {
			if !slices.Contains(overlap, c.Name) {
				continue
			}
			name := source
			if i != to {
				name, connected = connector, true
			}
			more = append(more, dialogue.Checkpoint{Name: name, Conditions: c.Conditions})
		}
		n.start = append(n.start, more...)
	}
	if connected {
		nodes[from].end = append(nodes[from].end, dialogue.Checkpoint{Name: connector})
	}
}

// dropUnused takes out the generated checkpoints that lead nowhere, those that were cut and that nothing leads to any more, and
// the steps that have no others.
func (g *storyGraph) dropUnused(nodes []*storyNode, cut map[string]bool) []*storyNode {
	starts := map[string]bool{dialogue.StoryStart: true}
	ends := map[string]bool{dialogue.StoryStart: true}
	for _, n := range nodes {
		for _, c := range n.start {
			starts[c.Name] = true
		}
		for _, c := range n.end {
			ends[g.startOf(c.Name)] = true
		}
	}
	unused := map[string]bool{}
	for name := range starts {
		unused[name] = !ends[name]
	}
	for name := range ends {
		unused[name] = unused[name] || !starts[name]
	}
	return slices.DeleteFunc(nodes, func(n *storyNode) bool {
		hadStart, hadEnd := len(n.start) > 0, len(n.end) > 0
		n.start = slices.DeleteFunc(n.start, func(c dialogue.Checkpoint) bool { return unused[c.Name] && cut[c.Name] })
		n.end = slices.DeleteFunc(n.end, func(c dialogue.Checkpoint) bool {
			return unused[c.Name] && strings.HasPrefix(c.Name, generatedPrefix)
		})
		return hadStart && len(n.start) == 0 || hadEnd && len(n.end) == 0
	})
}

// startOf is the checkpoint where a step goes on that ends in another.
func (g *storyGraph) startOf(end string) string {
	if start, ok := g.links[end]; ok {
		return start
	}
	return end
}

// nameSet is a set of names.
type nameSet map[string]bool

func (s nameSet) equal(o nameSet) bool { return maps.Equal(s, o) }
