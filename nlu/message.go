package nlu

import (
	"unicode/utf8"

	"parley/dialogue"
)

// token is a piece of a text: a half-open range of bytes.
type token struct{ start, end int }

// patternHit says that a token lies within a match of a pattern.
type patternHit struct{ token, pattern int }

// message is a text on its way through the pipeline. Entity offsets are bytes until answer converts them.
// Messages are pooled: whatever leaves one is copied.
type message struct {
	text      string
	tokens    []token
	tokenized bool
	hits      [][]patternHit // of each RegexFeaturizer, by its number in the pipeline
	intent    dialogue.Intent
	ranking   []dialogue.Intent
	ranked    bool // a classifier gave a ranking
	answered  bool // a classifier gave an intent, perhaps none
	entities  []dialogue.Entity
	selector  map[string]any

	dense [][]float32 // of each dense featurizer, by its number in the pipeline

	cols []uint32 // scratch of the classifiers
	vals []float32
	nums []float32
	buf  []byte

	attrs   attributes
	thought []uint64
}

// reset makes a message of a text.
func (m *message) reset(text string, hits, dense int) {
	m.text = text
	m.tokens, m.tokenized = m.tokens[:0], false
	if cap(m.hits) < hits {
		m.hits = make([][]patternHit, hits)
	}
	m.hits = m.hits[:hits]
	for i := range m.hits {
		m.hits[i] = m.hits[i][:0]
	}
	if cap(m.dense) < dense {
		m.dense = make([][]float32, dense)
	}
	m.dense = m.dense[:dense]
	m.intent, m.ranking, m.ranked, m.answered = dialogue.Intent{}, nil, false, false
	m.entities, m.selector = nil, nil
}

// word is the text of a token.
func (m *message) word(t token) string { return m.text[t.start:t.end] }

// answer gives the parse result. It is the one place where byte offsets become code points.
func (m *message) answer() dialogue.Parse {
	text := m.text
	p := dialogue.Parse{Text: &text, Intent: m.intent, Entities: m.entities, Selector: m.selector}
	if p.Entities == nil {
		p.Entities = []dialogue.Entity{}
	}
	if m.ranked {
		p.Ranking = m.ranking
		if p.Ranking == nil {
			p.Ranking = []dialogue.Intent{}
		}
	}
	plain := len(text) == utf8.RuneCountInString(text)
	if m.tokenized {
		p.Tokens = make([][2]int, len(m.tokens))
		at := codePoints{text: text}
		for i, t := range m.tokens {
			if plain {
				p.Tokens[i] = [2]int{t.start, t.end}
				continue
			}
			p.Tokens[i] = [2]int{at.of(t.start), at.of(t.end)}
		}
	}
	if !plain {
		at := codePoints{text: text}
		for i := range p.Entities {
			p.Entities[i].Start, p.Entities[i].End = at.of(p.Entities[i].Start), at.of(p.Entities[i].End)
		}
	}
	return p
}

// codePoints turns byte offsets of a text into code point offsets; rising offsets cost a single walk.
type codePoints struct {
	text        string
	byte, point int
}

func (c *codePoints) of(offset int) int {
	if offset < c.byte {
		c.byte, c.point = 0, 0
	}
	c.point += utf8.RuneCountInString(c.text[c.byte:offset])
	c.byte = offset
	return c.point
}

// byteOffset turns a code point offset into a byte offset; ok is false beyond the end.
func byteOffset(text string, point int) (offset int, ok bool) {
	if point < 0 {
		return 0, false
	}
	for offset = range text {
		if point == 0 {
			return offset, true
		}
		point--
	}
	return len(text), point == 0
}
