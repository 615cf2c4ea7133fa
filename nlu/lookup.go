package nlu

import (
	"unicode"
	"unicode/utf8"
)

// phrases finds any of many literal phrases in a text in one walk: what the regular expression (e1|e2|…) finds, each
// phrase within word boundaries if asked for. At one place the phrase that is listed first wins, as in an alternation.
type phrases struct {
	nodes      []phraseNode
	roots      map[rune]int32
	fold       bool
	boundaries bool
}

// phraseNode is a node of a trie whose children are a list.
type phraseNode struct {
	r           rune
	child, next int32 // 0: none
	phrase      int32 // number of the phrase that ends here, -1: none
}

func newPhrases(list []string, ignoreCase, boundaries bool) *phrases {
	p := &phrases{nodes: make([]phraseNode, 1, len(list)*8+1), roots: map[rune]int32{}, fold: ignoreCase, boundaries: boundaries}
	for i, text := range list {
		at := int32(0)
		for _, r := range text {
			if ignoreCase {
				r = foldRune(r)
			}
			at = p.step(at, r)
		}
		if at > 0 && p.nodes[at].phrase < 0 {
			p.nodes[at].phrase = int32(i)
		}
	}
	return p
}

// step gives the child of a node for a rune, making it if need be; node 0 stands for the root.
func (p *phrases) step(at int32, r rune) int32 {
	if at == 0 {
		if n, ok := p.roots[r]; ok {
			return n
		}
		p.nodes = append(p.nodes, phraseNode{r: r, phrase: -1})
		n := int32(len(p.nodes) - 1)
		p.roots[r] = n
		return n
	}
	for n := p.nodes[at].child; n != 0; n = p.nodes[n].next {
		if p.nodes[n].r == r {
			return n
		}
	}
	p.nodes = append(p.nodes, phraseNode{r: r, phrase: -1, next: p.nodes[at].child})
	n := int32(len(p.nodes) - 1)
	p.nodes[at].child = n
	return n
}

// find calls yield with the byte range and number of every match, left to right, not overlapping.
func (p *phrases) find(text string, yield func(start, end, phrase int)) {
	wordBefore := false
	for i := 0; i < len(text); {
		r, size := decodeRune(text[i:])
		word := pythonWord(r)
		if p.boundaries && word == wordBefore {
			i += size
			continue
		}
		if end, phrase := p.at(text, i); end > i {
			yield(i, end, phrase)
			last, _ := utf8.DecodeLastRuneInString(text[i:end])
			wordBefore = pythonWord(last)
			i = end
			continue
		}
		wordBefore = word
		i += size
	}
}

// at gives the end and the number of the phrase with the smallest number that matches at i, or i.
func (p *phrases) at(text string, i int) (end, phrase int) {
	end, phrase = i, -1
	p.prefixes(text, i, func(at, n int) {
		if phrase < 0 || n < phrase {
			end, phrase = at, n
		}
	})
	return end, phrase
}

// boundaryAfter reports whether a word boundary lies at a place after the rune before.
func boundaryAfter(text string, at int, before rune) bool {
	if at == len(text) {
		return pythonWord(before)
	}
	after, _ := decodeRune(text[at:])
	return pythonWord(before) != pythonWord(after)
}

// foldRune maps runes that differ in case only to one of them; in Python the i without a dot and the I with one are such.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if r == 'ı' || r == 'İ' {
		return 'i'
	}
	low := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		low = min(low, f)
	}
	if 'A' <= low && low <= 'Z' {
		low += 'a' - 'A'
	}
	return low
}

// all calls yield with the number of every phrase that occurs anywhere in a text, also within or across others.
func (p *phrases) all(text string, yield func(phrase int)) {
	wordBefore := false
	for i := 0; i < len(text); {
		r, size := decodeRune(text[i:])
		word := pythonWord(r)
		if !p.boundaries || word != wordBefore {
			p.prefixes(text, i, func(_, phrase int) { yield(phrase) })
		}
		wordBefore = word
		i += size
	}
}

// prefixes calls yield with the end and number of every phrase that matches at i, short ones first.
func (p *phrases) prefixes(text string, i int, yield func(end, phrase int)) {
	node := int32(0)
	for at := i; at < len(text); {
		r, size := decodeRune(text[at:])
		key := r
		if p.fold {
			key = foldRune(r)
		}
		if node == 0 {
			node = p.roots[key]
		} else {
			n := p.nodes[node].child
			for n != 0 && p.nodes[n].r != key {
				n = p.nodes[n].next
			}
			node = n
		}
		if node == 0 {
			return
		}
		at += size
		if n := p.nodes[node].phrase; n >= 0 && (!p.boundaries || boundaryAfter(text, at, r)) {
			yield(at, int(n))
		}
	}
}
