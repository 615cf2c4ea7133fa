package segment

import "unicode/utf8"

// The hidden Markov model of words that no dictionary has: a character begins a word, ends one, stands in the middle, or alone.
const (
	begin = iota
	end
	middle
	single
	states
)

// never is the logarithm of what does not happen.
const never = -3.14e100

// step is a state that another may follow, and the logarithm of how likely that is.
type step struct {
	from int
	cost float64
}

// steps are the ways into each state. Of two that are equally likely jieba takes the state whose letter (B, E, M, S) is later.
var steps = [states][2]step{
	begin:  {{end, -0.5897149736854513}, {single, -0.7211965654669841}},
	end:    {{begin, -0.510825623765990}, {middle, -0.33344856811948514}},
	middle: {{begin, -0.916290731874155}, {middle, -1.2603623820268226}},
	single: {{end, -0.8085250474669937}, {single, -0.6658631448798212}},
}

// start is how likely each state is at the beginning.
var start = [states]float64{begin: -0.26268660809250016, end: never, middle: never, single: -1.4652633398537678}

func (d *dictionary) emission(state int, r rune) float64 {
	if p, ok := d.emit[state][r]; ok {
		return p
	}
	return never
}

// guess appends the words that a run of characters most likely consists of.
func (d *dictionary) guess(dst []string, text string) []string {
	n := utf8.RuneCountInString(text)
	back := make([][states]int8, n)
	var score [states]float64
	t := 0
	for _, r := range text {
		var next [states]float64
		for s := range states {
			p := d.emission(s, r)
			if t == 0 {
				next[s] = start[s] + p
				continue
			}
			first, second := steps[s][0], steps[s][1] // in the order of their letters
			next[s], back[t][s] = score[first.from]+first.cost+p, int8(first.from)
			if v := score[second.from] + second.cost + p; v >= next[s] {
				next[s], back[t][s] = v, int8(second.from)
			}
		}
		score = next
		t++
	}
	state := int8(end)
	if score[single] >= score[end] {
		state = single
	}
	path := make([]int8, n)
	for t := n - 1; t >= 0; t-- {
		path[t] = state
		state = back[t][state]
	}
	t, from := 0, 0
	for i, r := range text {
		switch path[t] {
		case begin:
			from = i
		case end, single:
			if path[t] == single {
				from = i
			}
			stop := i + utf8.RuneLen(r)
			dst = append(dst, text[from:stop])
			from = stop
		}
		t++
	}
	if from < len(text) {
		dst = append(dst, text[from:])
	}
	return dst
}
