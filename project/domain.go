package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/dialogue"
)

// latestVersion is the format version of Rasa 3.6.
const latestVersion = "3.1"

// defaultSession are the session settings of a domain that names none.
const defaultExpiration = 60

// domainKeys make a YAML file in a domain folder part of the domain.
var domainKeys = []string{"slots", "forms", "actions", "entities", "intents", "responses", "e2e_actions", "session_config"}

// ParseDomain reads one domain document (YAML or JSON), also the serialised form in a domain's Raw; name is used in errors.
// The error is Problems.
func ParseDomain(name string, data []byte) (*dialogue.Domain, error) {
	r := newReader()
	var n *node
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' && utf8.Valid(data) {
		n, _ = parseJSON(&source{name: name, size: len(data)}, data) // what is no JSON may be YAML
	}
	if n == nil {
		if n = r.document(name, data); n == nil {
			return nil, r.err()
		}
	}
	raw, ok := r.domainDocument(plainForms(n))
	if !ok {
		return nil, r.err()
	}
	d := r.buildDomain(raw)
	if err := r.err(); err != nil {
		return nil, err
	}
	return d, nil
}

// plainForms takes the empty mapping out of required_slots that the serialised form has for forms without slots.
func plainForms(n *node) *node {
	forms := n.get("forms")
	if forms == nil || forms.kind != kindMap {
		return n
	}
	out := newMap(forms)
	for _, p := range forms.pairs {
		body := p.value
		if slots := body.get("required_slots"); slots != nil && slots.kind == kindMap && len(slots.kids) == 0 {
			body = body.without("required_slots")
		}
		out.kids = append(out.kids, p.key, body)
	}
	return n.with("forms", out)
}

// LoadDomain reads a domain file or folder, or several that are merged from left to right, the first having precedence.
// Warnings is what was noticed; the error is Problems.
func LoadDomain(paths ...string) (d *dialogue.Domain, warnings []Problem, err error) {
	r := newReader()
	raw := r.readDomain(paths)
	if raw != nil {
		d = r.buildDomain(raw)
	}
	if err := r.err(); err != nil {
		return nil, r.warnings, err
	}
	return d, r.warnings, nil
}

// readDomain reads and merges the domain of some paths; nil after an error.
func (r *reader) readDomain(paths []string) *node {
	merged := emptyDomain()
	for i, path := range paths {
		raw, ok := r.domainPath(path)
		if !ok {
			return nil
		}
		raw = asDict(raw)
		switch {
		case isEmptyDomain(raw):
		case i == 0 || isEmptyDomain(merged):
			merged = raw
		default:
			if other := r.buildDomain(raw); other == nil {
				return nil
			}
			merged = r.mergeDomains(merged, raw, true)
		}
	}
	return merged
}

// domainPath reads a domain file or folder.
func (r *reader) domainPath(path string) (*node, bool) {
	info, err := statDomain(path)
	if err != nil {
		r.add(*err)
		return nil, false
	}
	if !info {
		n := r.yaml(path)
		if n == nil {
			return nil, false
		}
		return r.domainDocument(n)
	}
	return r.domainFolder(path)
}

// domainFolder merges the domain files below a folder, in the order of their paths. Each is checked alone first.
func (r *reader) domainFolder(path string) (*node, bool) {
	var paths []string
	r.walk(path, nil, func(p string) {
		if isYAMLName(p) {
			paths = append(paths, p)
		}
	})
	slices.Sort(paths)
	var merged *node
	ok := true
	for i, p := range paths {
		before := len(r.errors)
		n := r.yaml(p)
		if n == nil && len(r.errors) > before {
			// The reference takes a file that is no YAML for something else than a domain and warns.
			problem := r.errors[before]
			problem.Severity = SeverityWarning
			r.errors = r.errors[:before]
			r.add(problem)
			continue
		}
		if n == nil || !isDomainDocument(n) {
			continue
		}
		if r.legacy { // slots and the forms that fill them may stand in different files: upgrade them together
			if n.kind == kindMap {
				merged = r.mergeOld(merged, upgradeResponses(n))
			}
			continue
		}
		if _, good := r.domainDocument(n); !good {
			ok = false
			continue
		}
		if r.buildDomain(n) == nil {
			ok = false
			continue
		}
		if merged == nil {
			merged = n
			continue
		}
		merged = r.mergeDomains(merged, n, i == len(paths)-1)
	}
	if merged == nil {
		merged = emptyDomain()
	}
	if r.legacy {
		return r.domainDocument(merged)
	}
	return merged, ok
}

// mergeOld merges domain files that were not checked yet.
func (r *reader) mergeOld(merged, n *node) *node {
	if merged == nil {
		return n
	}
	return r.mergeDomains(merged, n, false)
}

// isDomainDocument reports whether a document has a key of domains at its root.
func isDomainDocument(n *node) bool {
	return slices.ContainsFunc(domainKeys, func(k string) bool { return n.has(k) })
}

// domainDocument checks one document against the schema and its version; a newer version makes it empty.
func (r *reader) domainDocument(n *node) (*node, bool) {
	if r.legacy {
		n = r.upgradeDomain(n)
	}
	if !r.check(n, domainSchema()) {
		return nil, false
	}
	for _, key := range []string{"intents", "entities", "actions"} {
		if v := n.get(key); v != nil && v.kind == kindNull {
			r.errorAt(n.keyNode(key), classValidation, "empty-section", "remove the key, or list something below it",
				"%s: is empty", key)
			return nil, false
		}
	}
	if !r.checkVersion(n) {
		return emptyDomain(), true
	}
	return n, true
}

// checkVersion warns about a format version that this is not written for; false means that the file must be skipped.
func (r *reader) checkVersion(n *node) bool {
	v := n.get("version")
	if v.isNull() || v.str == "" {
		return true
	}
	version, ok := parseVersion(strings.Trim(v.str, `"'`))
	latest, _ := parseVersion(latestVersion)
	switch order := slices.Compare(version, latest); {
	case !ok:
		r.warnAt(v, "bad-version", fmt.Sprintf("write version: %q", latestVersion), "the version %q is not a version number", v.str)
	case order < 0:
		r.warnAt(v, "old-version", fmt.Sprintf("check the file and set version: %q", latestVersion),
			"the file is written for format version %s, lower than %s", v.str, latestVersion)
	case order > 0:
		r.warnAt(v, "new-version", fmt.Sprintf("set version: %q if the file does not use anything newer", latestVersion),
			"the file is written for format version %s, newer than %s, and is skipped", v.str, latestVersion)
		return false
	}
	return true
}

// parseVersion takes a version number apart; trailing zeros do not count.
func parseVersion(s string) (parts []int, ok bool) {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(part) > 9 {
			return nil, false
		}
		n := 0
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return nil, false
			}
			n = n*10 + int(c-'0')
		}
		parts = append(parts, n)
	}
	for len(parts) > 1 && parts[len(parts)-1] == 0 {
		parts = parts[:len(parts)-1]
	}
	return parts, true
}

// emptyDomain is the domain of an empty file.
func emptyDomain() *node { return newMap(nil) }

// isEmptyDomain reports whether a domain says nothing beyond the default session settings and a version.
func isEmptyDomain(raw *node) bool {
	for k, p := range raw.pairs {
		switch {
		case k == "version" && p.value.isText() && p.value.str == latestVersion:
		case k == "session_config" && isDefaultSession(p.value):
		case p.value.isCollection() && p.value.size() == 0:
		default:
			return false
		}
	}
	return true
}

func isDefaultSession(n *node) bool {
	minutes, ok := n.get("session_expiration_time").number()
	carry := n.get("carry_over_slots_to_new_session")
	return n.size() == 2 && ok && minutes == defaultExpiration && carry.bool()
}

// asDict is a raw domain as the reference serialises it: without empty values, falsy entity lists of intents as [],
// intents sorted, with session_config and version.
func asDict(raw *node) *node {
	out := newMap(raw)
	for k, p := range raw.pairs {
		v := p.value
		if !v.truthy() {
			continue
		}
		if k == "intents" {
			v = sortedIntents(v)
		}
		out.kids = append(out.kids, p.key, v)
	}
	if !out.has("version") {
		out = out.with("version", newText(latestVersion, raw))
	}
	if !out.has("session_config") {
		session := newMap(raw).
			with("session_expiration_time", newInt(defaultExpiration, raw)).
			with("carry_over_slots_to_new_session", newBool(true, raw))
		out = out.with("session_config", session)
	}
	return normaliseForms(out)
}

// normaliseForms gives each form its required_slots; a form without any has {} there, as in the reference.
func normaliseForms(raw *node) *node {
	forms := raw.get("forms")
	if forms == nil || forms.kind != kindMap {
		return raw
	}
	out := newMap(forms)
	for _, p := range forms.pairs {
		body := p.value
		switch {
		case body.isNull():
			body = newMap(p.key).with("required_slots", newMap(p.key))
		case body.kind == kindMap && !body.has("required_slots"):
			body = newMap(body).with("required_slots", body)
		}
		out.kids = append(out.kids, p.key, body)
	}
	return raw.with("forms", out)
}

// sortedIntents sorts a list of intents by name and writes falsy entity lists as [].
func sortedIntents(list *node) *node {
	out := *list
	out.kids = slices.Clone(list.kids)
	for i, item := range out.kids {
		if item.kind != kindMap {
			continue
		}
		clean := newMap(item)
		for _, p := range item.pairs {
			props := p.value
			for _, key := range []string{"use_entities", "ignore_entities"} {
				if v := props.get(key); v != nil && !v.truthy() {
					props = props.with(key, newList(v))
				}
			}
			clean.kids = append(clean.kids, p.key, props)
		}
		out.kids[i] = clean
	}
	slices.SortStableFunc(out.kids, func(a, b *node) int { return strings.Compare(itemName(a), itemName(b)) })
	return &out
}

// itemName is the name of an intent, entity or action: the item itself, or the first key of a mapping in sorted order.
func itemName(n *node) string {
	if n.kind != kindMap {
		return n.text()
	}
	name, found := "", false
	for k := range n.pairs {
		if !found || k < name {
			name, found = k, true
		}
	}
	return name
}

// rawJSON is a node as JSON, in order.
func rawJSON(dst []byte, n *node) []byte {
	switch {
	case n == nil:
		return append(dst, "null"...)
	case n.kind == kindList:
		dst = append(dst, '[')
		for i, k := range n.kids {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = rawJSON(dst, k)
		}
		return append(dst, ']')
	case n.kind == kindMap:
		dst = append(dst, '{')
		for i := 0; i+1 < len(n.kids); i += 2 {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = jsonText(dst, n.kids[i].text())
			dst = append(dst, ": "...)
			dst = rawJSON(dst, n.kids[i+1])
		}
		return append(dst, '}')
	case n.kind == kindNull:
		return append(dst, "null"...)
	case n.kind == kindBool:
		return append(dst, strings.ToLower(n.text())...)
	case n.kind == kindInt, n.kind == kindFloat:
		return append(dst, jsonNumber(n)...)
	default:
		return jsonText(dst, n.str)
	}
}

// jsonNumber prints a number; JSON has no infinity and no NaN, they become texts.
func jsonNumber(n *node) string {
	s := n.text()
	switch s {
	case "inf", "-inf", "nan":
		return `"` + s + `"`
	}
	return s
}

func jsonText(dst []byte, s string) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(dst, `""`...)
	}
	return append(dst, strings.TrimSuffix(b.String(), "\n")...)
}
