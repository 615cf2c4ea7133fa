package dialogue

import (
	"maps"
	"strconv"
)

// emptyParseData is the parse_data of a conversation without messages.
const emptyParseData = `{"intent":{},"entities":[],"text":null,"message_id":null,"metadata":{}}`

// appendParseData appends a user event's parse_data with the given entities: intent, entities, text, message_id and metadata
// always, then what else the message was understood to be. A nil event gives that of an empty conversation.
func (e *UserUttered) appendParseData(dst []byte, entities []Entity) []byte {
	if e == nil {
		if len(entities) == 0 {
			return append(dst, emptyParseData...)
		}
		e = &UserUttered{Parse: Parse{Intent: Intent{Absent: true}}}
	}
	p := &e.Parse
	dst = p.Intent.appendJSON(append(dst, `{"intent":`...))
	dst = appendEntities(append(dst, `,"entities":`...), entities)
	dst = append(dst, `,"text":`...)
	if p.Text != nil {
		dst = AppendString(dst, *p.Text)
	} else {
		dst = appendText(dst, e.Text)
	}
	dst = append(dst, `,"message_id":`...)
	if p.MessageID != nil {
		dst = AppendString(dst, *p.MessageID)
	} else {
		dst = appendOptional(dst, e.MessageID)
	}
	dst = appendObject(append(dst, `,"metadata":`...), p.Metadata)
	return append(p.appendRest(dst), '}')
}

// AppendJSON appends the parse result in Rasa's key order: text, intent, entities, then what is there of message_id, metadata,
// text_tokens, intent_ranking, response_selector and further keys.
func (p *Parse) AppendJSON(dst []byte) []byte {
	dst = appendText(append(dst, `{"text":`...), p.Text)
	dst = p.Intent.appendJSON(append(dst, `,"intent":`...))
	dst = appendEntities(append(dst, `,"entities":`...), p.Entities)
	if p.MessageID != nil {
		dst = AppendString(append(dst, `,"message_id":`...), *p.MessageID)
	}
	if p.Metadata != nil {
		dst = appendObject(append(dst, `,"metadata":`...), p.Metadata)
	}
	return append(p.appendRest(dst), '}')
}

func (p *Parse) appendRest(dst []byte) []byte {
	if p.Tokens != nil {
		dst = append(dst, `,"text_tokens":[`...)
		for i, t := range p.Tokens {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendInt(append(dst, '['), int64(t[0]), 10)
			dst = strconv.AppendInt(append(dst, ','), int64(t[1]), 10)
			dst = append(dst, ']')
		}
		dst = append(dst, ']')
	}
	if p.Ranking != nil {
		dst = append(dst, `,"intent_ranking":[`...)
		for i := range p.Ranking {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = p.Ranking[i].appendJSON(dst)
		}
		dst = append(dst, ']')
	}
	if p.Selector != nil {
		dst = appendObject(append(dst, `,"response_selector":`...), p.Selector)
	}
	return appendMembers(dst, p.Extra)
}

func (i *Intent) appendJSON(dst []byte) []byte {
	if i.Absent {
		return append(dst, "{}"...)
	}
	open := len(dst)
	if !i.NoName {
		dst = appendOptional(append(dst, `,"name":`...), i.Name)
	}
	if !i.NoConfidence {
		dst = appendNumber(append(dst, `,"confidence":`...), i.Confidence)
	}
	if dst = appendMembers(dst, i.Extra); len(dst) == open {
		return append(dst, "{}"...)
	}
	dst[open] = '{' // in place of the first comma
	return append(dst, '}')
}

func appendEntities(dst []byte, entities []Entity) []byte {
	dst = append(dst, '[')
	for i := range entities {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = entities[i].AppendJSON(dst)
	}
	return append(dst, ']')
}

// Extractors whose entities have their keys in an order of their own.
const (
	shortcutExtractor = "RegexMessageHandler"
	ducklingExtractor = "DucklingEntityExtractor"
)

// AppendJSON appends the entity as JSON, keys in the order in which the reference's extractor of that name writes them; without a
// name, or with another, in that of DIETClassifier.
func (e *Entity) AppendJSON(dst []byte) []byte {
	open, extra := len(dst), e.Extra
	switch e.Extractor {
	case shortcutExtractor:
		dst = AppendString(append(dst, `,"entity":`...), e.Entity)
		dst = AppendJSON(append(dst, `,"value":`...), e.Value)
		dst = e.appendSpan(dst)
		dst = e.appendParts(dst)
	case ducklingExtractor:
		extra = maps.Clone(extra)
		member := func(name string) {
			if v, ok := extra[name]; ok {
				dst = AppendJSON(append(AppendString(append(dst, ','), name), ':'), v)
				delete(extra, name)
			}
		}
		dst = e.appendSpan(dst)
		member("text")
		dst = AppendJSON(append(dst, `,"value":`...), e.Value)
		member("confidence")
		member("additional_info")
		dst = AppendString(append(dst, `,"entity":`...), e.Entity)
		dst = e.appendParts(dst)
	default:
		dst = AppendString(append(dst, `,"entity":`...), e.Entity)
		dst = e.appendSpan(dst)
		dst = e.appendParts(dst)
		dst = AppendJSON(append(dst, `,"value":`...), e.Value)
	}
	dst[open] = '{' // in place of the first comma
	if e.Extractor != "" {
		dst = AppendString(append(dst, `,"extractor":`...), e.Extractor)
	}
	if e.Processors != nil {
		dst = append(dst, `,"processors":[`...)
		for i, p := range e.Processors {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, p)
		}
		dst = append(dst, ']')
	}
	return append(appendMembers(dst, extra), '}')
}

// appendSpan appends where the entity stands.
func (e *Entity) appendSpan(dst []byte) []byte {
	if e.Start >= 0 {
		dst = strconv.AppendInt(append(dst, `,"start":`...), int64(e.Start), 10)
	}
	if e.End >= 0 {
		dst = strconv.AppendInt(append(dst, `,"end":`...), int64(e.End), 10)
	}
	return dst
}

// appendParts appends role and group, and how sure the extractor is.
func (e *Entity) appendParts(dst []byte) []byte {
	if e.Confidence != nil {
		dst = appendNumber(append(dst, `,"confidence_entity":`...), *e.Confidence)
	}
	if e.Role != "" {
		dst = AppendString(append(dst, `,"role":`...), e.Role)
	}
	if e.RoleConfidence != nil {
		dst = appendNumber(append(dst, `,"confidence_role":`...), *e.RoleConfidence)
	}
	if e.Group != "" {
		dst = AppendString(append(dst, `,"group":`...), e.Group)
	}
	if e.GroupConfidence != nil {
		dst = appendNumber(append(dst, `,"confidence_group":`...), *e.GroupConfidence)
	}
	return dst
}

func (s *Selection) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"response":{"responses":`...)
	if s.Responses == nil {
		dst = append(dst, "null"...)
	} else {
		dst = AppendJSON(dst, s.Responses)
	}
	dst = appendNumber(append(dst, `,"confidence":`...), s.Confidence)
	dst = appendOptional(append(dst, `,"intent_response_key":`...), s.Key)
	dst = AppendString(append(dst, `,"utter_action":`...), s.Utter)
	dst = append(dst, `},"ranking":[`...)
	for i := range s.Ranking {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendNumber(append(dst, `{"confidence":`...), s.Ranking[i].Confidence)
		dst = append(AppendString(append(dst, `,"intent_response_key":`...), s.Ranking[i].Name), '}')
	}
	return append(dst, "]}"...)
}
