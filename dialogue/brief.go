package dialogue

import (
	"slices"
	"strings"
	"sync"
)

// object is a JSON object on its way into an event: its members in written order, no key twice. Unlike a map it costs nothing once it
// is read, because the room for it is used again for the next event.
type object []member

type member struct {
	key   string
	value any // a plain value, but for objects, which are *object
}

// maxBriefMembers is the size from which objects are maps after all, so that looking for a key stays cheap.
const maxBriefMembers = 32

// briefObjects is the room for the objects of one event.
type briefObjects struct {
	members []member
	objects []object
}

// reset gives the room to the next event. The objects before must not be used any more.
func (b *briefObjects) reset() {
	b.members, b.objects = b.members[:0], b.objects[:0]
}

// eventParsers keeps the room that parsers of events have made, and the short strings that they met: the names of events, actions and
// intents come again and again.
var eventParsers sync.Pool

// maxRoom is how many members a parser may have room for to be kept.
const maxRoom = 4096

// giveBack keeps a parser for the next events, without what it read.
func (p *jsonParser) giveBack() {
	b := p.brief
	if cap(b.members)+cap(b.objects)+cap(p.members)+cap(p.values) > maxRoom || cap(p.room) > maxRoom {
		return
	}
	p.data = nil
	clear(b.members[:cap(b.members)])
	clear(b.objects[:cap(b.objects)])
	clear(p.members[:cap(p.members)])
	clear(p.values[:cap(p.values)])
	b.reset()
	p.members, p.values = p.members[:0], p.values[:0]
	eventParsers.Put(p)
}

// add copies members into the room. Objects that were added before stay where they are when the room grows.
func (b *briefObjects) add(members []member) *object {
	start := len(b.members)
	b.members = append(b.members, members...)
	b.objects = append(b.objects, object(b.members[start:len(b.members):len(b.members)]))
	return &b.objects[len(b.objects)-1]
}

// addMember adds a member to the object that is being read. It returns a map of all members when they are too many.
func (p *jsonParser) addMember(base int, key string, v any) map[string]any {
	read := p.members[base:]
	if i := slices.IndexFunc(read, func(m member) bool { return m.key == key }); i >= 0 {
		read[i].value = v
		return nil
	}
	if p.members = append(p.members, member{key, v}); len(read) < maxBriefMembers {
		return nil
	}
	o := object(p.members[base:])
	return o.plain()
}

// finish is the object that was read: the map if there is one, else a brief object of the members from base on.
func (p *jsonParser) finish(m map[string]any, base int) any {
	read := p.members[base:]
	p.members = p.members[:base]
	if m != nil {
		return m
	}
	return p.brief.add(read)
}

// get returns a member's value, nil if there is none.
func (o object) get(key string) (v any, ok bool) {
	for i := range o {
		if o[i].key == key {
			return o[i].value, true
		}
	}
	return nil, false
}

// same reports whether an object has the members of a map, all of them scalars.
func (o object) same(m map[string]any) bool {
	if len(o) != len(m) {
		return false
	}
	for i := range o {
		if v, ok := m[o[i].key]; !ok || !sameScalar(o[i].value, v) {
			return false
		}
	}
	return true
}

func (o object) plain() map[string]any {
	m := make(map[string]any, len(o))
	for i := range o {
		m[o[i].key] = plain(o[i].value)
	}
	return m
}

// plain turns the objects of a value into maps. It writes to a list only where there was such an object, so a value that is plain
// already, and may be shared, is left alone.
func plain(v any) any {
	switch v := v.(type) {
	case *object:
		return v.plain()
	case []any:
		for i, x := range v {
			switch x := x.(type) {
			case *object:
				v[i] = x.plain()
			case []any:
				plain(x) // in place
			}
		}
	}
	return v
}

// asObject reads an object in either form. Members of a map are sorted.
func asObject(v any) (object, bool) {
	switch v := v.(type) {
	case *object:
		return *v, true
	case map[string]any:
		return objectOf(v), true
	}
	return nil, false
}

func objectOf(m map[string]any) object {
	o := make(object, 0, len(m))
	for k, v := range m {
		o = append(o, member{k, v})
	}
	slices.SortFunc(o, func(a, b member) int { return strings.Compare(a.key, b.key) })
	return o
}
