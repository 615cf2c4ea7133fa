package dialogue

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrIgnoredEvent is returned by DecodeEvent for objects that the reference skips: without a type, or of type topic.
var ErrIgnoredEvent = errors.New("event is ignored")

// ErrUnknownEvent is wrapped by the error of DecodeEvent for an event type that does not exist.
var ErrUnknownEvent = errors.New("unknown event type")

// DecodeEvents makes events from a JSON array, skipping those the reference skips. Fields that an event type does not have are
// dropped, as in the reference.
func DecodeEvents(data []byte) ([]Event, error) { return decodeEvents(data, false) }

// DecodeStoredEvents is DecodeEvents for what a store holds: fields that an event type does not have survive in Header.Extra, so
// that an older version does not lose what a newer one wrote.
func DecodeStoredEvents(data []byte) ([]Event, error) { return decodeEvents(data, true) }

func decodeEvents(data []byte, keep bool) ([]Event, error) {
	p, _ := eventParsers.Get().(*jsonParser)
	if p == nil {
		p = &jsonParser{brief: &briefObjects{}}
	}
	p.data, p.at = data, 0
	defer p.giveBack()
	events := []Event{}
	p.space()
	if p.peek() != '[' {
		v, err := p.value(0)
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("events: want a list, got %s", typeName(v))
	}
	p.at++
	var shared map[string]any // the metadata of the event before, most often the same: held once
	for i := 0; ; i++ {
		if p.space(); i == 0 && p.peek() == ']' {
			break
		}
		p.brief.reset()
		v, err := p.value(1)
		if err != nil {
			return nil, err
		}
		e, err := decodeItem(v, shared, keep)
		if err != nil && !errors.Is(err, ErrIgnoredEvent) {
			return nil, fmt.Errorf("events: item %d: %w", i, err)
		}
		if err == nil {
			if m := e.Head().Metadata; len(m) > 0 {
				shared = m
			}
			events = append(events, e)
		}
		if p.space(); p.peek() == ']' {
			break
		}
		if p.peek() != ',' {
			return nil, p.fail("expected , or ]")
		}
		p.at++
	}
	p.at++
	return events, p.end()
}

func decodeItem(v any, shared map[string]any, keep bool) (Event, error) {
	obj, ok := v.(*object)
	if m, isMap := v.(map[string]any); isMap { // an object of very many members
		o := objectOf(m)
		obj, ok = &o, true
	}
	if !ok {
		return nil, fmt.Errorf("want an object, got %s", typeName(v))
	}
	return decodeEvent(*obj, shared, keep)
}

// DecodeEvent makes an event from a decoded JSON object, as the reference loads it from a store or an action server: legacy types
// become those of today, fields that the type does not have are dropped. An event without a time keeps the time 0, and a reminder
// without a name the name "": the caller gives them. A reminder's date_time is rewritten as ISO 8601. Errors name the field.
func DecodeEvent(obj map[string]any) (Event, error) { return decodeEvent(objectOf(obj), nil, false) }

// DecodeStoredEvent is DecodeEvent for what a store holds: fields that the type does not have survive in Header.Extra.
func DecodeStoredEvent(obj map[string]any) (Event, error) {
	return decodeEvent(objectOf(obj), nil, true)
}

// decodeEvent makes an event. Its metadata is the shared object when that is equal.
func decodeEvent(obj object, shared map[string]any, keep bool) (Event, error) {
	r := fields{obj: obj}
	switch v := r.get("event").(type) {
	case nil:
		return nil, ErrIgnoredEvent
	case string:
		r.kind = Kind(v)
	default:
		return nil, fmt.Errorf("event: want a string, got %s", typeName(v))
	}
	h := Header{Timestamp: r.number("timestamp"), Metadata: r.metadata(shared)}
	e := r.event(h)
	if r.err != nil {
		return nil, r.err
	}
	if keep {
		e.Head().Extra = r.rest()
	}
	return e, nil
}

// event reads the fields of one type. The event is nil when the reader has failed on its type.
func (r *fields) event(h Header) Event {
	switch r.kind {
	case KindUser:
		return r.user(h)
	case KindUserFeaturization:
		return &UserFeaturization{Header: h, UseText: r.bool("use_text_for_featurization", false)}
	case KindEntities:
		return &EntitiesAdded{Header: h, Entities: r.entities("entities")}
	case KindBot:
		text := r.text("text")
		e := &BotUttered{Header: h, NoText: text == nil, Data: r.object("data")}
		if text != nil {
			e.Text = *text
		}
		return e
	case KindAgent:
		text := r.text("text")
		e := &AgentUttered{Header: h, NoText: text == nil, Data: r.object("data")}
		if text != nil {
			e.Text = *text
		}
		return e
	case KindSlot:
		return &SlotSet{Header: h, Name: r.string("name"), Value: plain(r.get("value"))}
	case KindRestart:
		return &Restarted{h}
	case KindSessionStarted:
		return &SessionStarted{h}
	case KindRewind:
		return &UserReverted{h}
	case KindUndo:
		return &ActionReverted{h}
	case KindResetSlots:
		return &AllSlotsReset{h}
	case KindReminder:
		return r.reminder(h)
	case KindCancelReminder:
		return &ReminderCancelled{Header: h, Name: r.string("name"), Intent: r.string("intent"), Entities: plain(r.get("entities"))}
	case KindExport:
		return &StoryExported{Header: h, Path: r.string("path")}
	case KindFollowup:
		return &FollowupAction{Header: h, Name: r.string("name")}
	case KindPause:
		return &ConversationPaused{h}
	case KindResume:
		return &ConversationResumed{h}
	case KindAction:
		e := &ActionExecuted{
			Header: h, Name: r.string("name"), Text: r.string("action_text"), Policy: r.string("policy"),
			Confidence: r.confidence("confidence"), HideRuleTurn: r.bool("hide_rule_turn", false),
		}
		if e.Name == "" && e.Text == "" && r.isNull("name") && r.isNull("action_text") {
			r.fail("name", "missing, and so is action_text")
		}
		return e
	case KindActiveLoop, KindForm:
		return &ActiveLoop{Header: h, Name: r.string("name")}
	case KindLoopInterrupted:
		return &LoopInterrupted{Header: h, IsInterrupted: r.bool("is_interrupted", false)}
	case KindFormValidation:
		return &LoopInterrupted{Header: h, IsInterrupted: !r.bool("validate", true)}
	case KindActionRejected:
		return &ActionRejected{
			Header: h, Name: r.string("name"), Policy: r.string("policy"), Confidence: r.confidence("confidence"),
		}
	case "topic":
		r.err = ErrIgnoredEvent
	default:
		r.err = fmt.Errorf("%w %q", ErrUnknownEvent, string(r.kind))
	}
	return nil
}

func (r *fields) user(h Header) Event {
	e := &UserUttered{Header: h, Text: r.text("text"), InputChannel: r.string("input_channel"), MessageID: r.string("message_id")}
	v := r.get("parse_data")
	obj, ok := asObject(v)
	if !ok {
		r.fail("parse_data", "want an object, got "+typeName(v))
		return e
	}
	p, err := decodeParse(obj)
	if err != nil {
		if r.err == nil {
			r.err = fmt.Errorf("%s event: parse_data: %w", r.kind, err)
		}
		return e
	}
	if _, ok := obj.get("text"); !ok {
		p.Text = e.Text
	}
	if _, ok := obj.get("message_id"); !ok && e.MessageID != "" {
		p.MessageID = &e.MessageID
	}
	if _, ok := obj.get("metadata"); !ok {
		p.Metadata = h.Metadata
	}
	e.Parse = p
	return e
}

func (r *fields) reminder(h Header) Event {
	e := &ReminderScheduled{
		Header: h, Intent: r.string("intent"), DateTime: r.string("date_time"), Entities: plain(r.get("entities")),
		Name: r.string("name"), KillOnUserMessage: r.bool("kill_on_user_msg", true),
	}
	if e.DateTime == "" {
		r.fail("date_time", "missing")
		return e
	}
	due, zoned, err := parseDateTime(e.DateTime, time.UTC)
	if err != nil {
		r.fail("date_time", err.Error())
		return e
	}
	e.DateTime = isoDateTime(due, zoned)
	return e
}

// fields reads the fields of one event and remembers which it read. The first error stays.
type fields struct {
	obj  object
	kind Kind
	err  error
	seen [12]string
	n    int
}

func (r *fields) get(key string) any {
	v, ok := r.obj.get(key)
	if ok {
		r.seen[r.n] = key
		r.n++
	}
	return v
}

// isNull reports whether a field is null or absent, without reading it.
func (r *fields) isNull(key string) bool {
	v, _ := r.obj.get(key)
	return v == nil
}

func (r *fields) fail(key, reason string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s event: %s: %s", r.kind, key, reason)
	}
}

// rest are the fields that were not read, nil if there are none.
func (r *fields) rest() map[string]any {
	if r.n == len(r.obj) {
		return nil
	}
	rest := make(map[string]any, len(r.obj)-r.n)
	for _, m := range r.obj {
		if !slices.Contains(r.seen[:r.n], m.key) {
			rest[m.key] = plain(m.value)
		}
	}
	return rest
}

// text reads a string or null.
func (r *fields) text(key string) *string {
	switch v := r.get(key).(type) {
	case nil:
	case string:
		return &v
	default:
		r.fail(key, "want a string or null, got "+typeName(v))
	}
	return nil
}

// string reads a string, "" for null.
func (r *fields) string(key string) string {
	if s := r.text(key); s != nil {
		return *s
	}
	return ""
}

// bool reads a boolean; absent gives missing, null false.
func (r *fields) bool(key string, missing bool) bool {
	if _, ok := r.obj.get(key); !ok {
		return missing
	}
	switch v := r.get(key).(type) {
	case nil:
	case bool:
		return v
	default:
		r.fail(key, "want a boolean, got "+typeName(v))
	}
	return false
}

// number reads a number, 0 for null.
func (r *fields) number(key string) float64 {
	if f := r.confidence(key); f != nil {
		return *f
	}
	return 0
}

// confidence reads a number or null.
func (r *fields) confidence(key string) *float64 {
	switch v := r.get(key).(type) {
	case nil:
		return nil
	case float64:
		return &v
	case int:
		f := float64(v)
		return &f
	default:
		r.fail(key, "want a number or null, got "+typeName(v))
		return nil
	}
}

// object reads an object, nil for null.
func (r *fields) object(key string) map[string]any {
	switch v := r.get(key).(type) {
	case nil:
	case map[string]any:
		return v
	case *object:
		return v.plain()
	default:
		r.fail(key, "want an object or null, got "+typeName(v))
	}
	return nil
}

func (r *fields) metadata(shared map[string]any) map[string]any {
	if v, _ := r.obj.get("metadata"); len(shared) > 0 {
		if o, ok := v.(*object); ok && o.same(shared) {
			r.get("metadata")
			return shared
		}
	}
	return r.object("metadata")
}

func (r *fields) entities(key string) []Entity {
	entities, err := decodeEntities(r.get(key))
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s event: %s: %w", r.kind, key, err)
	}
	return entities
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case int, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any, *object:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}
