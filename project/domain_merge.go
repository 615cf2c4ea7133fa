package project

import (
	"slices"
	"strings"
)

// mergedSections are the sections of a domain that are merged entry by entry, in the reference's order.
var mergedSections = []struct {
	key  string
	list bool
}{
	{"intents", true}, {"entities", true}, {"actions", true}, {"e2e_actions", true}, {"forms", false}, {"responses", false}, {"slots", false},
}

// duplicateOrder is the order in which duplicates are reported.
var duplicateOrder = []string{"intents", "forms", "actions", "e2e_actions", "responses", "slots", "entities"}

// mergeDomains merges a domain into another: what the old one has wins, the new one's entries come first (spec
// project-files §3.7). warn reports the names that both have.
func (r *reader) mergeDomains(old, other *node, warn bool) *node {
	if len(other.kids) == 0 {
		return old
	}
	if len(old.kids) == 0 {
		return other
	}
	merged := old
	if session := other.get("session_config"); session != nil && !isDefaultSession(session) {
		if mine := old.get("session_config"); mine == nil || isDefaultSession(mine) {
			merged = merged.with("session_config", session)
		}
	}
	duplicates := map[string][]string{}
	for _, s := range mergedSections {
		mine, theirs := merged.get(s.key), other.get(s.key)
		if s.key == "actions" {
			theirs = withoutForms(theirs, old.get("forms"))
		}
		duplicates[s.key] = commonNames(mine, theirs)
		var section *node
		switch {
		case theirs.size() == 0:
			continue
		case mine.size() == 0:
			section = theirs
		case s.key == "e2e_actions":
			section = union(mine, theirs)
		case s.list:
			section = mergeLists(theirs, mine)
		default:
			section = mergeMaps(theirs, mine)
		}
		merged = merged.with(s.key, section)
	}
	if warn {
		r.warnDuplicates(other, duplicates)
	}
	return merged
}

// overrideDomain merges a domain into another whose entries give way to it; the old one's entries come first.
func overrideDomain(old, other *node) *node {
	merged := old
	for _, s := range mergedSections {
		mine, theirs := merged.get(s.key), other.get(s.key)
		if s.key == "actions" {
			theirs = withoutForms(theirs, old.get("forms"))
		}
		switch {
		case theirs.size() == 0:
		case mine.size() == 0:
			merged = merged.with(s.key, theirs)
		case s.key == "e2e_actions":
			merged = merged.with(s.key, union(mine, theirs))
		case s.list:
			merged = merged.with(s.key, mergeLists(mine, theirs))
		default:
			merged = merged.with(s.key, mergeMaps(mine, theirs))
		}
	}
	return merged
}

// withoutForms removes the actions that are forms of the other domain.
func withoutForms(actions, forms *node) *node {
	if actions == nil || forms.size() == 0 {
		return actions
	}
	out := newList(actions)
	for _, a := range actions.items() {
		if !forms.has(itemName(a)) {
			out.kids = append(out.kids, a)
		}
	}
	return out
}

// mergeLists merges lists of named items: base's order, then what update adds; update's items replace base's.
func mergeLists(base, update *node) *node {
	out := newList(base)
	index := map[string]int{}
	for _, list := range []*node{base, update} {
		for _, item := range list.items() {
			name := itemName(item)
			if i, ok := index[name]; ok {
				out.kids[i] = item
				continue
			}
			index[name] = len(out.kids)
			out.kids = append(out.kids, item)
		}
	}
	return out
}

// mergeMaps merges mappings like mergeLists.
func mergeMaps(base, update *node) *node {
	out := newMap(base)
	index := map[string]int{}
	for _, m := range []*node{base, update} {
		for k, p := range m.pairs {
			if i, ok := index[k]; ok {
				out.kids[i], out.kids[i+1] = p.key, p.value
				continue
			}
			index[k] = len(out.kids)
			out.kids = append(out.kids, p.key, p.value)
		}
	}
	return out
}

// union is the sorted set of the texts of two lists.
func union(a, b *node) *node {
	out := newList(a)
	seen := map[string]bool{}
	for _, list := range []*node{a, b} {
		for _, item := range list.items() {
			if t := item.text(); !seen[t] {
				seen[t] = true
				out.kids = append(out.kids, item)
			}
		}
	}
	slices.SortFunc(out.kids, func(a, b *node) int { return strings.Compare(a.text(), b.text()) })
	return out
}

// commonNames are the names that two sections share, sorted.
func commonNames(a, b *node) []string {
	mine := map[string]bool{}
	for _, name := range sectionNames(a) {
		mine[name] = true
	}
	var common []string
	for _, name := range sectionNames(b) {
		if mine[name] {
			common = append(common, name)
		}
	}
	slices.Sort(common)
	return slices.Compact(common)
}

func sectionNames(n *node) []string {
	var names []string
	for _, item := range n.items() {
		names = append(names, itemName(item))
	}
	for k := range n.pairs {
		names = append(names, k)
	}
	return names
}

// warnDuplicates reports what two domain files both define, in one warning.
func (r *reader) warnDuplicates(other *node, duplicates map[string][]string) {
	var parts []string
	for _, key := range duplicateOrder {
		if names := duplicates[key]; len(names) > 0 {
			parts = append(parts, key+": "+strings.Join(names, ", "))
		}
	}
	if len(parts) == 0 {
		return
	}
	r.warnAt(other, "domain-duplicates", "define each name in one file only", "the domain defines some names twice, the first definition counts: %s",
		strings.Join(parts, "; "))
}
