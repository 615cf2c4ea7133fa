// Package action is what a bot can do: default actions, forms, slot extraction, responses and the action server.
//
// New prepares the actions of one domain: names are resolved to what runs (action.go), response templates are compiled
// (response.go, template.go, tree.go), slot mappings are put in order (extract.go), remote services get their clients (endpoint.go).
// Run then runs an action by name, ExtractSlots is the one that runs after every message.
//
//	default.go    the built-in actions
//	loop.go       what forms and the two-stage fallback have in common: activate, do, deactivate
//	form.go       forms: validation, rejection, the next question
//	twostage.go   the two-stage fallback
//	remote.go     the action server: request, outcome, what its reply says
//	nlg.go        the NLG server
//	schema.go     what replies must look like
//
// # Events
//
// Actions return events without a time: the caller stamps them when it records them, whatever time they carry. An action never
// changes the tracker that it is given; what it needs to try out happens on copies.
//
// # Errors
//
// A *RejectedError means that the action refused to run. Any other error means that nothing happened: the caller records the
// action without events. Only slot extraction heals what remote helpers break, as the reference does.
//
// # Concurrency
//
// An Actions value is immutable after New and safe for concurrent use. It starts no goroutines; its HTTP clients keep idle
// connections, which Close ends.
package action
