// Package dialogue is the vocabulary of a conversation and its pure rules: the domain, slots, intents, entities,
// messages, events with their JSON, the tracker that events build up, and the steps of training stories.
//
// # Values
//
// Values that come from outside (slot values, metadata, custom payloads) are the plain values of JSON: nil, bool, string,
// int, float64, []any and map[string]any. Whole numbers written without a fraction are int, all others float64, because
// Python prints and sends 5 and 5.0 differently; [DecodeJSON] and [AppendJSON] keep that difference. A value inside an
// event must never be changed in place.
//
// # Offsets
//
// Entity and token offsets in this package count Unicode code points, as Rasa's JSON does.
//
// # Concurrency
//
// Events, domains and the histories of trackers are immutable once they are shared: any number of goroutines may read them.
// A Tracker itself belongs to one goroutine; [Tracker.Copy] makes an independent one in constant time.
package dialogue
