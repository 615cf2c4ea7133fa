package dialogue

import "sync"

// domainIndex holds a domain's look-up tables: positions by name.
type domainIndex struct {
	domain   *Domain
	intents  map[string]int
	entities map[string]int
	slots    map[string]int
	forms    map[string]int
	actions  map[string]int
	user     map[string]struct{}
	custom   map[string]struct{}
	explicit map[string]struct{}
	endToEnd map[string]struct{}
	reset    *State // the state of a tracker without events

	slotPrint func() string // tells domains apart whose trackers have different slots
}

// Finish computes the domain's look-up tables; project calls it once after the fields are set. Of two entries with one name
// the first counts.
func (d *Domain) Finish() *Domain {
	d.index = newDomainIndex(d)
	return d
}

// lookup returns the tables that Finish made, or makes them anew for a domain that was never finished.
func (d *Domain) lookup() *domainIndex {
	if d.index == nil {
		return newDomainIndex(d)
	}
	return d.index
}

func newDomainIndex(d *Domain) *domainIndex {
	ix := &domainIndex{
		domain:   d,
		intents:  positions(d.Intents, func(s *IntentSpec) string { return s.Name }),
		entities: positions(d.Entities, func(s *EntitySpec) string { return s.Name }),
		slots:    positions(d.Slots, func(s *Slot) string { return s.Name }),
		forms:    positions(d.Forms, func(s *Form) string { return s.Name }),
		actions:  positions(d.Actions, func(s *string) string { return *s }),
		user:     nameSet(d.UserActions),
		custom:   nameSet(d.CustomActions),
		explicit: nameSet(d.ExplicitDomainActions),
		endToEnd: nameSet(d.EndToEndActions),
	}
	ix.slotPrint = sync.OnceValue(func() string { return slotPrint(d) })
	ix.reset = &State{Slots: initialSlots(ix), Followup: ActionListen}
	return ix
}

func positions[T any](items []T, name func(*T) string) map[string]int {
	m := make(map[string]int, len(items))
	for i := range items {
		if _, dup := m[name(&items[i])]; !dup {
			m[name(&items[i])] = i
		}
	}
	return m
}

func nameSet(names []string) map[string]struct{} {
	m := make(map[string]struct{}, len(names))
	for _, n := range names {
		m[n] = struct{}{}
	}
	return m
}

// Intent returns an intent of the domain.
func (d *Domain) Intent(name string) (IntentSpec, bool) {
	i, ok := d.lookup().intents[name]
	if !ok {
		return IntentSpec{}, false
	}
	return d.Intents[i], true
}

// HasIntent reports whether the domain has an intent.
func (d *Domain) HasIntent(name string) bool {
	_, ok := d.lookup().intents[name]
	return ok
}

// IsRetrievalIntent reports whether an intent is a retrieval intent.
func (d *Domain) IsRetrievalIntent(name string) bool {
	i, ok := d.lookup().intents[name]
	return ok && d.Intents[i].Retrieval
}

// Entity returns an entity of the domain.
func (d *Domain) Entity(name string) (EntitySpec, bool) {
	i, ok := d.lookup().entities[name]
	if !ok {
		return EntitySpec{}, false
	}
	return d.Entities[i], true
}

// HasEntity reports whether the domain has an entity.
func (d *Domain) HasEntity(name string) bool {
	_, ok := d.lookup().entities[name]
	return ok
}

// Slot returns a slot of the domain, which must not be changed.
func (d *Domain) Slot(name string) (*Slot, bool) {
	i, ok := d.lookup().slots[name]
	if !ok {
		return nil, false
	}
	return &d.Slots[i], true
}

// Form returns a form of the domain, which must not be changed.
func (d *Domain) Form(name string) (*Form, bool) {
	i, ok := d.lookup().forms[name]
	if !ok {
		return nil, false
	}
	return &d.Forms[i], true
}

// IsForm reports whether a name is a form's.
func (d *Domain) IsForm(name string) bool {
	_, ok := d.lookup().forms[name]
	return ok
}

// ActionIndex is the id of an action in Actions, -1 if it has none.
func (d *Domain) ActionIndex(name string) int {
	if i, ok := d.lookup().actions[name]; ok {
		return i
	}
	return -1
}

// HasAction reports whether a name or an end-to-end text is in the action list.
func (d *Domain) HasAction(name string) bool {
	_, ok := d.lookup().actions[name]
	return ok
}

// IsUserAction reports whether a name is a custom action or a response.
func (d *Domain) IsUserAction(name string) bool {
	_, ok := d.lookup().user[name]
	return ok
}

// IsCustomAction reports whether a name is listed under actions: in the domain.
func (d *Domain) IsCustomAction(name string) bool {
	_, ok := d.lookup().custom[name]
	return ok
}

// IsEndToEndAction reports whether a text is a bot text of end-to-end stories.
func (d *Domain) IsEndToEndAction(text string) bool {
	_, ok := d.lookup().endToEnd[text]
	return ok
}

// NeedsDomain reports whether an action asks for the domain in its request (send_domain).
func (d *Domain) NeedsDomain(action string) bool {
	_, ok := d.lookup().explicit[action]
	return ok
}
