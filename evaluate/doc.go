// Package evaluate measures how good a trained model is: what it understands, against annotated examples, and what it does,
// against stories. The numbers, their names and the shapes of the reports are those of Rasa 3.6.21.
//
// [NLU] and [CrossValidate] score intents, entities and retrieval responses, [Compare] several configurations; [Stories] replays
// stories and compares each action, and with end-to-end tests each intent and entity, with what the model predicts. Nothing is
// run, said or stored: actions have the effects that the stories write down.
//
// # Order
//
// The same data and model give the same reports, byte for byte: labels are sorted, ties are broken by name, folds and splits come
// from a seed. Work is spread over the processors, results keep the order of the examples and stories.
//
// # Concurrency
//
// Functions may be called side by side. Whoever calls them waits for them; they end with their context.
package evaluate
