package dialogue

import "fmt"

// DecodeParse reads a parse result, keeping keys it does not know, and known ones with unusual values, in Extra. A parse result
// without intent has an absent one. Errors name the field.
func DecodeParse(obj map[string]any) (Parse, error) { return decodeParse(objectOf(obj)) }

func decodeParse(obj object) (Parse, error) {
	p := Parse{Intent: Intent{Absent: true}}
	for i := range obj {
		key, v := obj[i].key, obj[i].value
		known := true
		switch key {
		case "text":
			s, ok := v.(string)
			if ok {
				p.Text = &s
			} else if v != nil {
				return p, fmt.Errorf("text: want a string or null, got %s", typeName(v))
			}
		case "message_id":
			s, ok := v.(string)
			if ok {
				p.MessageID = &s
			} else if v != nil {
				return p, fmt.Errorf("message_id: want a string or null, got %s", typeName(v))
			}
		case "metadata":
			m, ok := plain(v).(map[string]any)
			if !ok && v != nil {
				return p, fmt.Errorf("metadata: want an object or null, got %s", typeName(v))
			}
			p.Metadata = m
		case "intent":
			if v == nil {
				break
			}
			i, err := decodeIntent(v)
			if err != nil {
				return p, fmt.Errorf("intent: %w", err)
			}
			p.Intent = i
		case "entities":
			if v == nil {
				break
			}
			entities, err := decodeEntities(v)
			if err != nil {
				return p, fmt.Errorf("entities: %w", err)
			}
			p.Entities = entities
		case "text_tokens":
			p.Tokens, known = decodeTokens(v)
		case "intent_ranking":
			p.Ranking, known = decodeRanking(v)
		case "response_selector":
			p.Selector, known = decodeSelector(v)
		default:
			known = false
		}
		if !known {
			p.Extra = with(p.Extra, key, v)
		}
	}
	return p, nil
}

func with(m map[string]any, key string, v any) map[string]any {
	if m == nil {
		m = map[string]any{}
	}
	m[key] = plain(v)
	return m
}

// decodeSelector reads a response_selector object. What selectors chose takes the place of the objects in which it is written, where these
// hold nothing else.
func decodeSelector(v any) (map[string]any, bool) {
	obj, ok := asObject(v)
	if !ok {
		return nil, false
	}
	m := make(map[string]any, len(obj))
	for i := range obj {
		if s, ok := decodeSelection(obj[i].value); ok {
			m[obj[i].key] = s
		} else {
			m[obj[i].key] = plain(obj[i].value)
		}
	}
	return m, true
}

// decodeSelection reads what a Selection is written as, and nothing else.
func decodeSelection(v any) (*Selection, bool) {
	obj, ok := asObject(v)
	if !ok || len(obj) != 2 {
		return nil, false
	}
	chosen, _ := obj.get("response")
	response, isObject := asObject(chosen)
	ranked, _ := obj.get("ranking")
	ranking, isList := ranked.([]any)
	if !isObject || !isList || len(response) != 4 {
		return nil, false
	}
	s := &Selection{Ranking: make([]Intent, len(ranking))}
	for i := range response {
		ok := false
		switch value := response[i].value; response[i].key {
		case "confidence":
			s.Confidence, ok = value.(float64)
		case "intent_response_key":
			s.Key, ok = value.(string)
			ok = ok && s.Key != "" || value == nil
		case "responses":
			s.Responses, ok = plain(value).([]any)
			ok = ok || value == nil
		case "utter_action":
			s.Utter, ok = value.(string)
		}
		if !ok {
			return nil, false
		}
	}
	for i, item := range ranking {
		one, ok := asObject(item)
		if !ok || len(one) != 2 {
			return nil, false
		}
		confidence, _ := one.get("confidence")
		name, _ := one.get("intent_response_key")
		var isNumber, isText bool
		s.Ranking[i].Confidence, isNumber = confidence.(float64)
		s.Ranking[i].Name, isText = name.(string)
		if !isNumber || !isText {
			return nil, false
		}
	}
	return s, true
}

func decodeIntent(v any) (Intent, error) {
	obj, ok := asObject(v)
	if !ok {
		return Intent{}, fmt.Errorf("want an object, got %s", typeName(v))
	}
	if len(obj) == 0 {
		return Intent{Absent: true}, nil
	}
	i := Intent{NoName: true, NoConfidence: true}
	for n := range obj {
		key, v := obj[n].key, obj[n].value
		switch key {
		case "name":
			s, ok := v.(string)
			if !ok && v != nil {
				return i, fmt.Errorf("name: want a string or null, got %s", typeName(v))
			}
			i.Name, i.NoName = s, false
			continue
		case "confidence":
			if _, isBool := v.(bool); isBool {
				break
			}
			if f, ok := number(v); ok {
				i.Confidence, i.NoConfidence = f, false
				continue
			}
		}
		i.Extra = with(i.Extra, key, v)
	}
	return i, nil
}

func decodeRanking(v any) ([]Intent, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	ranking := make([]Intent, len(list))
	for n, item := range list {
		i, err := decodeIntent(item)
		if err != nil {
			return nil, false
		}
		ranking[n] = i
	}
	return ranking, true
}

func decodeTokens(v any) ([][2]int, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	tokens := make([][2]int, len(list))
	for n, item := range list {
		pair, ok := item.([]any)
		if !ok || len(pair) != 2 {
			return nil, false
		}
		for k := range pair {
			if tokens[n][k], ok = pair[k].(int); !ok {
				return nil, false
			}
		}
	}
	return tokens, true
}

func decodeEntities(v any) ([]Entity, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list, got %s", typeName(v))
	}
	if len(list) == 0 {
		return nil, nil
	}
	entities := make([]Entity, len(list))
	for n, item := range list {
		e, err := DecodeEntity(item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", n, err)
		}
		entities[n] = e
	}
	return entities, nil
}

// DecodeEntity reads an entity from a decoded JSON object, keeping keys it does not know, and known ones with unusual values, in
// Extra. Errors name the field.
func DecodeEntity(v any) (Entity, error) {
	obj, ok := asObject(v)
	if !ok {
		return Entity{}, fmt.Errorf("want an object, got %s", typeName(v))
	}
	e := Entity{Start: -1, End: -1}
	for i := range obj {
		key, v := obj[i].key, obj[i].value
		known := false
		switch key {
		case "entity":
			if e.Entity, known = v.(string); !known {
				return e, fmt.Errorf("entity: want a string, got %s", typeName(v))
			}
		case "value":
			e.Value, known = plain(v), true
		case "start":
			known = offset(v, &e.Start)
		case "end":
			known = offset(v, &e.End)
		case "role":
			known = nonEmpty(v, &e.Role)
		case "group":
			known = nonEmpty(v, &e.Group)
		case "extractor":
			known = nonEmpty(v, &e.Extractor)
		case "confidence_entity":
			e.Confidence, known = score(v)
		case "confidence_role":
			e.RoleConfidence, known = score(v)
		case "confidence_group":
			e.GroupConfidence, known = score(v)
		case "processors":
			e.Processors, known = stringList(v)
		}
		if !known {
			e.Extra = with(e.Extra, key, v)
		}
	}
	return e, nil
}

func offset(v any, to *int) bool {
	i, ok := v.(int)
	if ok = ok && i >= 0; ok {
		*to = i
	}
	return ok
}

func nonEmpty(v any, to *string) bool {
	s, ok := v.(string)
	if ok = ok && s != ""; ok {
		*to = s
	}
	return ok
}

func score(v any) (*float64, bool) {
	switch v := v.(type) {
	case float64:
		return &v, true
	case int:
		f := float64(v)
		return &f, true
	}
	return nil, false
}

func stringList(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, len(list))
	for i, item := range list {
		if out[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return out, true
}
