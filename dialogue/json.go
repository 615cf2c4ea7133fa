package dialogue

import "errors"

// ErrIgnoredEvent is returned by DecodeEvent for objects that the reference skips: without a type, or of type topic.
var ErrIgnoredEvent = errors.New("event is ignored")

// DecodeJSON reads one JSON value into the plain values of this package. It refuses trailing data, depth over 1000 and
// NaN; duplicate keys: the last counts.
func DecodeJSON(data []byte) (any, error) { panic("stub") }

// DecodeEvent makes an event from a decoded JSON object, as the reference loads it from a store or an action server.
// Errors name the field.
func DecodeEvent(obj map[string]any) (Event, error) { panic("stub") }

// DecodeEvents makes events from a JSON array, skipping those the reference skips.
func DecodeEvents(data []byte) ([]Event, error) { panic("stub") }

// DecodeParse reads a parse result, keeping keys it does not know.
func DecodeParse(obj map[string]any) (Parse, error) { panic("stub") }
