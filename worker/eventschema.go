package worker

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"

	"parley/dialogue"
)

// check says what is wrong with a value at a path; nil: nothing.
type check func(path string, v any) error

// The types of the schema.
var (
	aString       = ofType("a string", isString)
	stringOrNull  = ofType("a string or null", isString, isNull)
	aNumber       = ofType("a number", isNumber)
	numberOrNull  = ofType("a number or null", isNumber, isNull)
	aBool         = ofType("a boolean", func(v any) bool { _, ok := v.(bool); return ok })
	aWholeNumber  = ofType("a whole number", isWhole)
	objectOrNull  = ofType("an object or null", isObject, isNull)
	anArray       = ofType("an array", func(v any) bool { _, ok := v.([]any); return ok })
	anything      = check(func(string, any) error { return nil })
	entityObjects = arrayOf(object([]string{"entity", "value"}, map[string]check{
		"start": aWholeNumber, "end": aWholeNumber, "entity": aString, "confidence": aNumber,
		"extractor": stringOrNull, "value": anything, "role": stringOrNull, "group": stringOrNull,
	}))
	intentObject   = object(nil, map[string]check{"name": aString, "confidence": aNumber})
	responseTexts  = arrayOf(object(nil, map[string]check{"text": aString}))
	responseObject = object(nil, map[string]check{
		"responses": responseTexts, "response_templates": responseTexts, "confidence": aNumber,
		"intent_response_key": aString, "utter_action": aString, "template_name": aString,
	})
	rankingObjects = arrayOf(object(nil, map[string]check{"id": aNumber, "confidence": aNumber, "intent_response_key": aString}))
	selectorObject = object(nil, map[string]check{"response": responseObject, "ranking": rankingObjects})
)

// eventChecks are the keys that are checked of each event type (Rasa: shared/utils/schemas/events.py). What is not listed is free.
var eventChecks = map[dialogue.Kind]check{
	dialogue.KindUser: object(nil, map[string]check{
		"text": stringOrNull, "input_channel": stringOrNull, "message_id": stringOrNull,
		"parse_data": object(nil, map[string]check{
			"text": stringOrNull, "intent_ranking": arrayOf(intentObject), "intent": intentObject,
			"entities": entityObjects, "response_selector": checkSelectors,
		}),
	}),
	dialogue.KindAction: object(nil, map[string]check{
		"policy": stringOrNull, "confidence": numberOrNull, "name": stringOrNull, "hide_rule_turn": aBool,
		"action_text": stringOrNull,
	}),
	dialogue.KindSlot:     object([]string{"name", "value"}, map[string]check{"name": aString}),
	dialogue.KindEntities: object([]string{"entities"}, map[string]check{"entities": entityObjects}),

	dialogue.KindUserFeaturization: anything,
	dialogue.KindCancelReminder:    anything,
	dialogue.KindReminder:          anything,
	dialogue.KindActionRejected:    anything,
	dialogue.KindFormValidation:    anything,
	dialogue.KindLoopInterrupted:   anything,
	dialogue.KindForm:              anything,
	dialogue.KindActiveLoop:        anything,
	dialogue.KindResetSlots:        anything,
	dialogue.KindResume:            anything,
	dialogue.KindPause:             anything,
	dialogue.KindFollowup:          anything,
	dialogue.KindExport:            anything,
	dialogue.KindRestart:           anything,
	dialogue.KindUndo:              anything,
	dialogue.KindRewind:            anything,
	dialogue.KindBot:               anything,
	dialogue.KindSessionStarted:    anything,
	dialogue.KindAgent:             anything,
}

var eventHeader = object([]string{"event"}, map[string]check{"event": aString, "timestamp": numberOrNull, "metadata": objectOrNull})

// checkEvents checks a list of events as the API takes them.
func checkEvents(v any) error {
	return arrayOf(func(path string, v any) error {
		if err := eventHeader(path, v); err != nil {
			return err
		}
		o, _ := v.(map[string]any)
		kind, _ := o["event"].(string)
		known, ok := eventChecks[dialogue.Kind(kind)]
		if !ok {
			return fmt.Errorf("%s.event: there is no event %q", path, kind)
		}
		return known(path, v)
	})("events", v)
}

var wordOrSlash = regexp.MustCompile(`[\pL\pN_/]`)

// checkSelectors checks the response selectors of a message. Of its two forms exactly one has to fit, as in the reference:
// so an object without all_retrieval_intents never fits alone, for it fits both.
func checkSelectors(path string, v any) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: has to be an object", path)
	}
	all, listed := o["all_retrieval_intents"]
	first := !listed || anArray(path, all) == nil
	second := true
	for key, v := range o {
		if wordOrSlash.MatchString(key) && selectorObject(path, v) != nil {
			second = false
		}
	}
	if first == second {
		return fmt.Errorf("%s: has to hold either all_retrieval_intents or selectors", path)
	}
	return nil
}

func ofType(what string, is ...func(any) bool) check {
	return func(path string, v any) error {
		if slices.ContainsFunc(is, func(f func(any) bool) bool { return f(v) }) {
			return nil
		}
		return errors.New(path + ": has to be " + what)
	}
}

func isString(v any) bool { _, ok := v.(string); return ok }
func isNull(v any) bool   { return v == nil }
func isObject(v any) bool { _, ok := v.(map[string]any); return ok }
func isNumber(v any) bool { _, ok := numberOf(v); return ok }
func isWhole(v any) bool  { f, ok := numberOf(v); return ok && f == math.Trunc(f) }

// arrayOf is an array whose items pass a check.
func arrayOf(item check) check {
	return func(path string, v any) error {
		list, ok := v.([]any)
		if !ok {
			return errors.New(path + ": has to be an array")
		}
		for i, v := range list {
			if err := item(path+"["+strconv.Itoa(i)+"]", v); err != nil {
				return err
			}
		}
		return nil
	}
}

// object is an object that has some keys and whose keys pass their checks; further ones are free.
func object(required []string, keys map[string]check) check {
	names := make([]string, 0, len(keys))
	for k := range keys {
		names = append(names, k)
	}
	slices.Sort(names)
	return func(path string, v any) error {
		o, ok := v.(map[string]any)
		if !ok {
			return errors.New(path + ": has to be an object")
		}
		for _, k := range required {
			if _, ok := o[k]; !ok {
				return fmt.Errorf("%s: %q is missing", path, k)
			}
		}
		for _, k := range names {
			if v, ok := o[k]; ok {
				if err := keys[k](path+"."+k, v); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
