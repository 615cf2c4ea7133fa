// Package policy decides what a bot does next: policies learn from stories and rules, an ensemble chooses among them.
//
// # Training
//
// [Train] turns story steps into conversations (generate.go, graph.go), and hands them to the policies of the configuration:
// rules, memorised stories, and what learns by weights (ted.go, unexpected.go). [Ensemble.Save] and [Load] keep the result as named sections.
//
// # States
//
// A policy sees a conversation as a sequence of states, one before each action: what the user meant, what the bot did last, which
// slots are set, which loop is active (Rasa 3.6.21 shared/core/domain.py get_active_state). A state is held as a few numbers; the
// vocabulary knows the words behind them. What training never saw is the number unknown, which equals nothing.
//
// RulePolicy sees all states. Other policies see the learned view (view.go): without turns that come from rules alone, and without
// slots and loops that only rules use.
//
// # Cost
//
// A prediction walks back only as far as a rule or a memorised story can still match, whatever the length of the conversation.
// Only turns that are hidden from the learned view are walked over without an end.
//
// # Adding a policy
//
// A policy is one file: a type with the methods of the interface trained, and a row in the table kinds.
//
// # Concurrency
//
// An [Ensemble] is immutable: any number of goroutines may predict with it.
package policy
