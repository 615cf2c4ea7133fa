package nlu

import "unicode/utf8"

// continues reports whether a span goes on where another of its type ended.
func (g *tagger) continues(m *message, opts *taggerOptions, s, next span) bool {
	return s.to == next.from && s.kind == next.kind && joined(m.text[m.tokens[s.to-1].end:m.tokens[next.from].start], opts.splits(g.kinds[s.kind]))
}

// merge makes one entity of neighbours of one type, role and group: without BILOU_flag nothing tells where one ends.
func (g *tagger) merge(m *message, opts *taggerOptions, spans []span, first int) []span {
	kept := spans[:0]
	for i, s := range spans {
		e := m.entities[first+i]
		if n := len(kept); n > 0 && kept[n-1].role == s.role && kept[n-1].group == s.group && g.continues(m, opts, kept[n-1], s) {
			kept[n-1].to = s.to
			last := &m.entities[first+n-1]
			last.End = e.End
			lower(last.Confidence, e.Confidence)
			lower(last.RoleConfidence, e.RoleConfidence)
			lower(last.GroupConfidence, e.GroupConfidence)
			continue
		}
		m.entities[first+len(kept)] = e
		kept = append(kept, s)
	}
	m.entities = m.entities[:first+len(kept)]
	return kept
}

// lower makes a confidence as low as another.
func lower(p, other *float64) {
	if p != nil && other != nil {
		*p = min(*p, *other)
	}
}

// splits reports whether what stands between two tokens of a type parts them.
func (o *taggerOptions) splits(kind string) bool {
	if s, ok := o.split[kind]; ok {
		return s
	}
	return o.split[""]
}

// joined reports whether two tokens of one type with a gap between them are one entity. Rasa 3.6 joins over one
// character, and over three if a comma does not part them; it does not look at what the characters are.
func joined(gap string, split bool) bool {
	n := utf8.RuneCountInString(gap)
	return n <= 1 || n <= 3 && !split
}
