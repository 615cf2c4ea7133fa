package policy

import "fmt"

// sequences is a set of state sequences with a value each. What they have in common from the oldest state on is stored once; they
// are found from the newest state back, by a tree whose edges are stretches of several states. Node 0 is the empty sequence.
type sequences struct {
	ends    []int32 // node of each value
	nodes   []sequenceNode
	next    map[[2]int32]int32 // node of a node's sequence and one more, newer state; only while the set grows
	branch  []branch           // branch 0 is the root
	edges   map[[2]int32]int32 // branch and the state that follows, older: the next branch
	longest int
}

// sequenceNode is the sequence of its parent and one newer state.
type sequenceNode struct {
	parent, state int32
	length        int32
}

// branch is a point in the tree: a stretch of states that leads to it, the newest one being that of node from.
type branch struct {
	from, length int32
	value        int32 // of the sequence that ends here, oldest state reached; -1: none
}

func newSequences() *sequences {
	return &sequences{
		nodes: make([]sequenceNode, 1), next: map[[2]int32]int32{}, branch: []branch{{value: -1}}, edges: map[[2]int32]int32{},
	}
}

// append is the node of a sequence with one more state.
func (q *sequences) append(node, state int32) int32 {
	key := [2]int32{node, state}
	if n, ok := q.next[key]; ok {
		return n
	}
	n := int32(len(q.nodes))
	q.nodes = append(q.nodes, sequenceNode{parent: node, state: state, length: q.nodes[node].length + 1})
	q.next[key] = n
	return n
}

// insert makes a node's sequence findable; its value is the number of sequences before it. No sequence may be inserted twice.
func (q *sequences) insert(node int32) {
	value := int32(len(q.ends))
	q.ends = append(q.ends, node)
	q.longest = max(q.longest, int(q.nodes[node].length))
	at := int32(0)
	for node != 0 {
		key := [2]int32{at, q.nodes[node].state}
		child, ok := q.edges[key]
		if !ok {
			q.edges[key] = q.grow(branch{from: node, length: q.nodes[node].length, value: value})
			return
		}
		b := q.branch[child]
		mark, left := b.from, b.length
		for left > 0 && node != 0 && q.nodes[mark].state == q.nodes[node].state {
			mark, node, left = q.nodes[mark].parent, q.nodes[node].parent, left-1
		}
		if left == 0 {
			at = child
			continue
		}
		// The stretch parts here: a new branch takes its newer half.
		middle := q.grow(branch{from: b.from, length: b.length - left, value: -1})
		q.edges[key] = middle
		q.branch[child].from, q.branch[child].length = mark, left
		q.edges[[2]int32{middle, q.nodes[mark].state}] = child
		at = middle
	}
	q.branch[at].value = value
}

func (q *sequences) grow(b branch) int32 {
	q.branch = append(q.branch, b)
	return int32(len(q.branch) - 1)
}

// cursor is a place in the tree while a conversation is read from its newest state back.
type cursor struct {
	branch int32
	mark   int32 // the node whose state must come next
	left   int32 // states of the stretch that must still come
}

// step takes one more, older state, and reports whether a sequence can still be found.
func (q *sequences) step(c *cursor, state int32) bool {
	if state < 0 {
		return false
	}
	if c.left == 0 {
		child, ok := q.edges[[2]int32{c.branch, state}]
		if !ok {
			return false
		}
		b := q.branch[child]
		*c = cursor{branch: child, mark: b.from, left: b.length}
	} else if q.nodes[c.mark].state != state {
		return false
	}
	c.mark = q.nodes[c.mark].parent
	c.left--
	return true
}

// value is that of the sequence that was read, -1 if there is none.
func (q *sequences) value(c cursor) int32 {
	if c.left > 0 {
		return -1
	}
	return q.branch[c.branch].value
}

// seal drops what is only needed to grow.
func (q *sequences) seal() { q.next = nil }

// restoreSequences makes the sequences from their nodes (parent and state of each but node 0) and the nodes where they end.
func restoreSequences(parents, states []int32, known int, ends []int32) (*sequences, error) {
	if len(parents) != len(states) {
		return nil, fmt.Errorf("%d parents for %d states", len(parents), len(states))
	}
	q := newSequences()
	for i := range parents {
		if parents[i] < 0 || int(parents[i]) > i || states[i] < 0 || int(states[i]) >= known {
			return nil, fmt.Errorf("node %d is out of range", i)
		}
		q.nodes = append(q.nodes, sequenceNode{parent: parents[i], state: states[i], length: q.nodes[parents[i]].length + 1})
	}
	seen := make(map[int32]bool, len(ends))
	for i, node := range ends {
		if node <= 0 || int(node) >= len(q.nodes) || seen[node] {
			return nil, fmt.Errorf("sequence %d is out of range", i)
		}
		seen[node] = true
		q.insert(node)
	}
	q.seal()
	return q, nil
}
