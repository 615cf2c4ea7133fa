package dialogue

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendString appends a string as JSON: quotes, backslashes and control characters are escaped, bytes that are no UTF-8 become
// U+FFFD, everything else stays.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, `\ufffd`...)
			i++
			start = i
			continue
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return appendHex(append(dst, `\u`...), rune(c), 4)
}

// AppendJSON appends a plain value as JSON: keys sorted, floats as Python writes them. NaN and the infinities, which JSON does not
// have, become null, and so does a value that is no plain value.
func AppendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return AppendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case float64:
		return appendNumber(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, x)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, k := range sortKeys(make([]string, 0, 16), v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, k)
			dst = AppendJSON(append(dst, ':'), v[k])
		}
		return append(dst, '}')
	case *Selection:
		return v.appendJSON(dst)
	}
	return append(dst, "null"...)
}

// appendMembers appends the members of an object, sorted, each with a comma before it.
func appendMembers(dst []byte, m map[string]any) []byte {
	if len(m) == 0 {
		return dst
	}
	for _, k := range sortKeys(make([]string, 0, 16), m) {
		dst = AppendString(append(dst, ','), k)
		dst = AppendJSON(append(dst, ':'), m[k])
	}
	return dst
}

func appendNumber(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return AppendFloat(dst, f)
}

// appendOptional appends a string, null for "".
func appendOptional(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

func appendText(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "null"...)
	}
	return AppendString(dst, *s)
}

func appendConfidence(dst []byte, f *float64) []byte {
	if f == nil {
		return append(dst, "null"...)
	}
	return appendNumber(dst, *f)
}

// appendObject appends an object, {} for nil.
func appendObject(dst []byte, m map[string]any) []byte {
	if len(m) == 0 {
		return append(dst, "{}"...)
	}
	return AppendJSON(dst, m)
}

// AppendEventJSON appends an event as the reference's as_dict gives it, keys in its order: what the API, action servers and event
// brokers get. As there, a cancel_reminder event shows none of its fields (golden http-tracker-post).
func AppendEventJSON(dst []byte, e Event) []byte { return append(appendEvent(dst, e), '}') }

// AppendStoredEventJSON appends an event for a store: as AppendEventJSON, then what that leaves out, so that reading it back with
// DecodeStoredEvents loses nothing.
func AppendStoredEventJSON(dst []byte, e Event) []byte {
	dst = appendEvent(dst, e)
	switch e := e.(type) {
	case *ReminderCancelled:
		if e.Name != "" {
			dst = AppendString(append(dst, `,"name":`...), e.Name)
		}
		if e.Intent != "" {
			dst = AppendString(append(dst, `,"intent":`...), e.Intent)
		}
		if e.Entities != nil {
			dst = AppendJSON(append(dst, `,"entities":`...), e.Entities)
		}
	case *StoryExported:
		if e.Path != "" {
			dst = AppendString(append(dst, `,"path":`...), e.Path)
		}
	}
	return append(appendMembers(dst, e.Head().Extra), '}')
}

// appendEvent appends an event without the closing brace.
func appendEvent(dst []byte, e Event) []byte {
	h := e.Head()
	kind := e.Kind()
	dst = append(dst, `{"event":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","timestamp":`...)
	dst = appendNumber(dst, h.Timestamp)
	if len(h.Metadata) > 0 || kind == KindUser || kind == KindBot {
		dst = append(dst, `,"metadata":`...)
		dst = appendObject(dst, h.Metadata)
	}
	return appendEventFields(dst, e)
}

func appendEventFields(dst []byte, e Event) []byte {
	switch e := e.(type) {
	case *UserUttered:
		dst = appendText(append(dst, `,"text":`...), e.Text)
		dst = e.appendParseData(append(dst, `,"parse_data":`...), e.Parse.Entities)
		dst = appendOptional(append(dst, `,"input_channel":`...), e.InputChannel)
		dst = appendOptional(append(dst, `,"message_id":`...), e.MessageID)
	case *UserFeaturization:
		dst = strconv.AppendBool(append(dst, `,"use_text_for_featurization":`...), e.UseText)
	case *EntitiesAdded:
		dst = appendEntities(append(dst, `,"entities":`...), e.Entities)
	case *BotUttered:
		dst = append(dst, `,"text":`...)
		if e.NoText {
			dst = append(dst, "null"...)
		} else {
			dst = AppendString(dst, e.Text)
		}
		dst = appendBotData(append(dst, `,"data":`...), e.Data)
	case *AgentUttered:
		dst = append(dst, `,"text":`...)
		if e.NoText {
			dst = append(dst, "null"...)
		} else {
			dst = AppendString(dst, e.Text)
		}
		dst = append(dst, `,"data":`...)
		if e.Data == nil {
			dst = append(dst, "null"...)
		} else {
			dst = appendObject(dst, e.Data)
		}
	case *SlotSet:
		dst = appendOptional(append(dst, `,"name":`...), e.Name)
		dst = AppendJSON(append(dst, `,"value":`...), e.Value)
	case *ReminderScheduled:
		dst = appendOptional(append(dst, `,"intent":`...), e.Intent)
		dst = appendOptional(append(dst, `,"date_time":`...), e.DateTime)
		dst = AppendJSON(append(dst, `,"entities":`...), e.Entities)
		dst = appendOptional(append(dst, `,"name":`...), e.Name)
		dst = strconv.AppendBool(append(dst, `,"kill_on_user_msg":`...), e.KillOnUserMessage)
	case *FollowupAction:
		dst = appendOptional(append(dst, `,"name":`...), e.Name)
	case *ActionExecuted:
		dst = appendOptional(append(dst, `,"name":`...), e.Name)
		dst = appendOptional(append(dst, `,"policy":`...), e.Policy)
		dst = appendConfidence(append(dst, `,"confidence":`...), e.Confidence)
		dst = append(dst, `,"action_text":`...)
		if e.Name == "" {
			dst = AppendString(dst, e.Text)
		} else {
			dst = appendOptional(dst, e.Text)
		}
		dst = strconv.AppendBool(append(dst, `,"hide_rule_turn":`...), e.HideRuleTurn)
	case *ActiveLoop:
		dst = appendOptional(append(dst, `,"name":`...), e.Name)
	case *LoopInterrupted:
		dst = strconv.AppendBool(append(dst, `,"is_interrupted":`...), e.IsInterrupted)
	case *ActionRejected:
		dst = appendOptional(append(dst, `,"name":`...), e.Name)
		dst = appendOptional(append(dst, `,"policy":`...), e.Policy)
		dst = appendConfidence(append(dst, `,"confidence":`...), e.Confidence)
	}
	return dst
}

// botDataKeys are the keys of the data of a bot event that an action made, in the reference's order.
var botDataKeys = [...]string{"elements", "quick_replies", "buttons", "attachment", "image", "custom"}

// appendBotData appends the data of a bot event: the six keys of an action's message first, then the others.
func appendBotData(dst []byte, data map[string]any) []byte {
	if len(data) == 0 {
		return append(dst, "{}"...)
	}
	known := 0
	for _, k := range botDataKeys {
		if v, ok := data[k]; ok {
			dst = append(dst, "{,"[min(known, 1)])
			dst = AppendString(dst, k)
			dst = AppendJSON(append(dst, ':'), v)
			known++
		}
	}
	if known < len(data) {
		for _, k := range sortedKeys(data) {
			if !slices.Contains(botDataKeys[:], k) {
				dst = append(dst, "{,"[min(known, 1)])
				dst = AppendString(dst, k)
				dst = AppendJSON(append(dst, ':'), data[k])
				known++
			}
		}
	}
	return append(dst, '}')
}

// AppendJSON appends the tracker's current_state as JSON, keys in the reference's order.
func (t *Tracker) AppendJSON(dst []byte, v Verbosity) []byte {
	return t.AppendStateJSON(dst, t.Listed(v))
}

// AppendStateJSON is AppendJSON with a list of events of the caller's; nil is written as null.
func (t *Tracker) AppendStateJSON(dst []byte, events []Event) []byte {
	s := t.live
	dst = AppendString(append(dst, `{"sender_id":`...), t.SenderID)
	dst = append(dst, `,"slots":{`...)
	first := true
	for name, value := range s.Slots.All() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendString(dst, name)
		dst = AppendJSON(append(dst, ':'), value)
	}
	dst = append(dst, `},"latest_message":`...)
	dst = s.LatestMessage.appendParseData(dst, s.Entities)
	dst = append(dst, `,"latest_event_time":`...)
	if last := t.Last(); last == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendNumber(dst, last.Head().Timestamp)
	}
	dst = appendOptional(append(dst, `,"followup_action":`...), s.Followup)
	dst = strconv.AppendBool(append(dst, `,"paused":`...), s.Paused)
	dst = append(dst, `,"events":`...)
	if events == nil {
		dst = append(dst, "null"...)
	} else {
		dst = AppendEventsJSON(dst, events)
	}
	dst = appendOptional(append(dst, `,"latest_input_channel":`...), t.LatestInputChannel())
	dst = s.Loop.appendJSON(append(dst, `,"active_loop":`...))
	dst = append(dst, `,"latest_action":{`...)
	if a := s.LatestAction; a != nil {
		if a.Name != "" {
			dst = AppendString(append(dst, `"action_name":`...), a.Name)
		} else {
			dst = AppendString(append(dst, `"action_text":`...), a.Text)
		}
	}
	dst = appendOptional(append(dst, `},"latest_action_name":`...), s.LatestActionName())
	return append(dst, '}')
}

// Listed returns the events that a dump of a verbosity lists, oldest first; nil for EventsNone and only then.
func (t *Tracker) Listed(v Verbosity) []Event {
	var events []Event
	switch v {
	case EventsApplied:
		events = t.Applied()
	case EventsAfterRestart:
		events = t.AfterRestart()
	case EventsAll:
		events = t.Events(0)
	default:
		return nil
	}
	if events == nil {
		return []Event{}
	}
	return events
}

// AppendEventsJSON appends events as a JSON array.
func AppendEventsJSON(dst []byte, events []Event) []byte {
	dst = append(dst, '[')
	for i, e := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendEventJSON(dst, e)
	}
	return append(dst, ']')
}

func (l *Loop) appendJSON(dst []byte) []byte {
	if l == nil {
		return append(dst, "{}"...)
	}
	dst = AppendString(append(dst, `{"name":`...), l.Name)
	dst = strconv.AppendBool(append(dst, `,"is_interrupted":`...), l.IsInterrupted)
	dst = strconv.AppendBool(append(dst, `,"rejected":`...), l.Rejected)
	dst = append(dst, `,"trigger_message":`...)
	if l.Trigger == nil {
		dst = l.Trigger.appendParseData(dst, nil)
	} else {
		dst = l.Trigger.appendParseData(dst, l.Trigger.Parse.Entities)
	}
	return append(dst, '}')
}
