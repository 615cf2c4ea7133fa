package worker

import (
	"net/http"
	"strings"
)

// operation is what is said of an endpoint beyond what its route says.
type operation struct {
	group, summary, text string
	query                []string // parameters; those with "!" are required
	bodies               []string // "media/type Schema"
	optional             bool     // the body may be missing
	answers              []string // "200 media/type Schema other/type Schema", "204"
	errors               []int    // beyond what the rules say
	archive              bool     // answers with a model
	repeats              bool     // takes an Idempotency-Key
}

// The groups of operations.
const (
	groupTalk   = "talk"
	groupKeep   = "conversations"
	groupModel  = "model"
	groupServer = "server"
	groupOld    = "older generations"
)

// parameterOf are the query parameters, in the words of OpenAPI.
var parameterOf = map[string]described{
	"include_events":                  {"description": "Which events the tracker lists. AFTER_RESTART where it is not given; NONE on chat.", "schema": described{"enum": []any{"NONE", "APPLIED", "AFTER_RESTART", "ALL"}}},
	"until":                           {"description": "Seconds since 1970: the tracker as it was.", "schema": described{"type": "number"}},
	"last":                            {"description": "List only so many of the newest events.", "schema": described{"type": "integer", "minimum": 0}},
	"max_bytes":                       {"description": "List only so many of the newest events that the answer is not longer.", "schema": described{"type": "integer", "minimum": 1}},
	"all_sessions":                    {"description": "All sessions, not only the last.", "schema": described{"type": "boolean"}},
	"output_channel":                  {"description": "Where messages go: the name of a channel, or latest. In the response where that channel cannot speak by itself.", "schema": described{"type": "string"}},
	"execute_side_effects":            {"description": "Send messages and schedule reminders.", "schema": described{"type": "boolean"}},
	"turns":                           {"description": "How many turns.", "schema": described{"type": "integer", "minimum": 1, "maximum": maxExplained}},
	"limit":                           {"description": "How many conversations.", "schema": described{"type": "integer", "minimum": 1, "maximum": maxListed}},
	"cursor":                          {"description": "next of the page before.", "schema": described{"type": "string"}},
	"emulation_mode":                  {"description": "Answer in the shape of another service.", "schema": described{"enum": []any{"WIT", "LUIS", "DIALOGFLOW"}}},
	"stream":                          {"description": "Each message as soon as it is said, a line each.", "schema": described{"type": "boolean"}},
	"save_to_default_model_directory": {"description": "Keep the model in the folder models, too.", "schema": described{"type": "boolean", "default": true}},
	"force_training":                  {"description": "Train even what has not changed.", "schema": described{"type": "boolean"}},
	"augmentation":                    {"description": "How many stories to glue together, times ten.", "schema": described{"type": "integer", "minimum": 0}},
	"num_threads":                     {"schema": described{"type": "integer", "minimum": 1}},
	"callback_url":                    {"description": "Answer 204 at once and post the result to this address.", "schema": described{"type": "string", "format": "uri"}},
	"e2e":                             {"description": "The stories are end-to-end stories.", "schema": described{"type": "boolean"}},
	"model":                           {"description": "A model other than the loaded one.", "schema": described{"type": "string"}},
	"cross_validation_folds":          {"description": "Cross-validate in so many folds.", "schema": described{"type": "integer", "minimum": 2}},
	"q":                               {"description": "The text.", "schema": described{"type": "string"}},
	"query":                           {"description": "The text.", "schema": described{"type": "string"}},
	"project":                         {"description": "The project; there is one, default.", "schema": described{"type": "string"}},
	"name":                            {"description": "A name for the model.", "schema": described{"type": "string"}},
}

// What several operations have in common.
const (
	yamlText       = "application/x-yaml Text"
	answersTracker = "200 application/json Tracker"
	answersActed   = "200 application/json Acted"
)

var training = []string{"save_to_default_model_directory", "force_training", "augmentation", "num_threads", "callback_url"}

// operations by method and template.
var operations = map[string]operation{
	"GET /":             {group: groupServer, summary: "Greet", answers: []string{"200 text/plain Text"}},
	"GET /version":      {group: groupServer, summary: "The version of the API", answers: []string{"200 application/json Version"}},
	"GET /status":       {group: groupServer, summary: "The model in service", answers: []string{"200 application/json Status"}, errors: []int{409}},
	"GET /openapi.json": {group: groupServer, summary: "This description", answers: []string{"200 application/json Object"}},
	"GET /docs":         {group: groupServer, summary: "This description as a page", answers: []string{"200 text/html Text"}},
	"POST /auth":        {group: groupServer, summary: "Tokens are not issued here", answers: []string{"401 application/json AuthError"}},
	"GET /auth/verify":  {group: groupServer, summary: "Check a token", answers: []string{"200 application/json AuthError", "401 application/json AuthError"}},
	"GET /auth/me":      {group: groupServer, summary: "There is no store of users", answers: []string{"401 application/json AuthError", "500 application/json AuthError"}},

	"POST /conversations/:id/chat": {
		group: groupTalk, summary: "Say something and hear the answer", text: "A whole turn: what the bot says, and the state it leaves.",
		query: []string{"include_events", "last", "max_bytes"}, bodies: []string{"application/json ChatInput"},
		answers: []string{"200 application/json Chat"}, repeats: true,
	},
	"POST /webhooks/rest/webhook": {
		group: groupTalk, summary: "Say something on the rest channel", query: []string{"stream"}, bodies: []string{"application/json RestInput"},
		answers: []string{"200 application/json Messages text/event-stream Text"}, errors: []int{409, 429, 500}, repeats: true,
		text: "With stream=true the answer is text/event-stream, a message a line.",
	},
	"POST /conversations/:id/messages": {
		group: groupTalk, summary: "Record a message without acting", query: []string{"include_events"}, bodies: []string{"application/json MessageInput"},
		answers: []string{answersTracker}, repeats: true,
	},
	"POST /conversations/:id/trigger_intent": {
		group: groupTalk, summary: "Let the bot act on an intent", query: []string{"include_events", "output_channel"}, bodies: []string{"application/json IntentInput"},
		answers: []string{answersActed}, errors: []int{404}, repeats: true,
	},
	"POST /conversations/:id/execute": {
		group: groupTalk, summary: "Run an action", text: "The tracker is the one from before the action, as in the reference.",
		query: []string{"include_events", "output_channel"}, bodies: []string{"application/json ActionInput"}, answers: []string{answersActed}, repeats: true,
	},

	"GET /conversations": {
		group: groupKeep, summary: "List conversations", query: []string{"limit!", "cursor"}, answers: []string{"200 application/json ConversationIDs"},
	},
	"DELETE /conversations/:id": {group: groupKeep, summary: "Forget a conversation, all of it", answers: []string{"204"}, errors: []int{404}},
	"DELETE /conversations/:id/tracker": {
		group: groupKeep, summary: "Forget a conversation, all of it", answers: []string{"204"}, errors: []int{405},
		text: "The same as to delete the conversation, but for the answer where there is none.",
	},
	"GET /conversations/:id/tracker": {
		group: groupKeep, summary: "The state of a conversation", query: []string{"include_events", "until", "last", "max_bytes"}, answers: []string{answersTracker},
		text: "A conversation that does not exist is shown as it would begin.",
	},
	"POST /conversations/:id/tracker/events": {
		group: groupKeep, summary: "Append events", query: []string{"include_events", "output_channel", "execute_side_effects"},
		bodies: []string{"application/json EventsInput"}, answers: []string{answersTracker}, repeats: true,
	},
	"PUT /conversations/:id/tracker/events": {
		group: groupKeep, summary: "Replace all events", query: []string{"include_events"}, bodies: []string{"application/json EventList"},
		answers: []string{answersTracker}, repeats: true,
	},
	"PUT /conversations/:id/tracker": {
		group: groupOld, summary: "Replace all events", bodies: []string{"application/json EventList"}, answers: []string{answersTracker}, repeats: true,
	},
	"GET /conversations/:id/story": {
		group: groupKeep, summary: "A conversation as a test story", query: []string{"until", "all_sessions"}, answers: []string{"200 text/plain Text"},
	},
	"POST /conversations/:id/predict": {group: groupKeep, summary: "The next action", answers: []string{"200 application/json Prediction"}},
	"GET /conversations/:id/explain": {
		group: groupKeep, summary: "Why the last actions were chosen", query: []string{"turns"}, answers: []string{"200 application/json Explanation"},
	},

	"POST /model/parse": {
		group: groupModel, summary: "Understand a text", query: []string{"emulation_mode"}, bodies: []string{"application/json TextInput"},
		answers: []string{"200 application/json ParseAnswer"},
	},
	"POST /model/predict": {
		group: groupModel, summary: "The next action after a list of events", query: []string{"include_events"}, bodies: []string{"application/json EventList"},
		answers: []string{"200 application/json Prediction"},
	},
	"POST /model/train": {
		group: groupModel, summary: "Train a model", text: "The model is sent back, not put into service.", query: training,
		bodies:  []string{yamlText, "application/json TrainingJSON", "multipart/form-data TrainingFiles"},
		answers: []string{"200 application/x-tar Text", "204"}, archive: true,
	},
	"POST /model/test/stories": {
		group: groupModel, summary: "Test the model with stories", query: []string{"e2e"}, bodies: []string{yamlText},
		answers: []string{"200 application/json StoriesReport"},
	},
	"POST /model/test/intents": {
		group: groupModel, summary: "Test understanding", query: append([]string{"model", "cross_validation_folds"}, training...),
		bodies:  []string{yamlText, "application/json Object"},
		answers: []string{"200 application/json IntentsReport", "204"}, errors: []int{409},
	},
	"PUT /model":    {group: groupModel, summary: "Put a model into service", bodies: []string{"application/json ModelInput"}, answers: []string{"204"}},
	"DELETE /model": {group: groupModel, summary: "Go on without a model", answers: []string{"204"}},
	"GET /domain": {
		group: groupModel, summary: "The domain of the model", text: "As JSON, or as YAML to those who accept only application/x-yaml.",
		answers: []string{"200 application/json Object application/x-yaml Text"}, errors: []int{406},
	},

	"GET /conversations/:id/parse":   {summary: "Understand a message and name the next action", query: []string{"q", "query"}, answers: []string{"200 application/json NextAction"}},
	"POST /conversations/:id/parse":  {summary: "Understand a message and name the next action", bodies: []string{"application/json QueryInput"}, answers: []string{"200 application/json NextAction"}},
	"GET /conversations/:id/respond": {summary: "Say something and hear the answer", query: []string{"q", "query"}, answers: []string{"200 application/json Messages"}},
	"POST /conversations/:id/respond": {
		summary: "Say something and hear the answer", bodies: []string{"application/json QueryInput"}, answers: []string{"200 application/json Messages"},
	},
	"POST /conversations/:id/continue": {
		summary: "Say that an action was run, and hear the next", bodies: []string{"application/json ExecutedInput"}, answers: []string{"200 application/json NextAction"},
	},
	"GET /parse": {summary: "Understand a text", query: []string{"q", "query", "project"}, answers: []string{"200 application/json OldParse"}, errors: []int{404}},
	"POST /parse": {
		summary: "Understand a text", query: []string{"project"}, bodies: []string{"application/json QueryInput"}, answers: []string{"200 application/json OldParse"}, errors: []int{404},
	},
	"POST /predict": {summary: "The next action after a list of events", bodies: []string{"application/json EventList"}, answers: []string{"200 application/json Prediction"}},
	"POST /train": {
		summary: "Train a model", query: []string{"name", "model", "project"}, bodies: []string{yamlText, "application/json TrainingJSON"},
		answers: []string{"200 application/json Info"}, errors: []int{403, 404},
	},
	"POST /evaluate": {
		summary: "Test the model", query: []string{"project", "e2e"}, bodies: []string{yamlText, "application/json Object"},
		answers: []string{"200 application/json Object", "204"}, errors: []int{409},
	},
	"POST /finetune": {summary: "Online training is not part of this version", optional: true, bodies: []string{"application/json EventList"}, errors: []int{501}},
	"GET /config":    {summary: "What the pipeline of the model was made of", answers: []string{"200 application/json Object"}},
	"POST /load":     {summary: "Put an uploaded model into service", bodies: []string{"multipart/form-data Upload"}, answers: []string{"200 application/json Success"}},
	"POST /model":    {summary: "Put an uploaded model into service", bodies: []string{"multipart/form-data Upload"}, answers: []string{"204"}},
	"DELETE /models": {summary: "Go on without a model", query: []string{"model", "project"}, answers: []string{"200 application/json Text"}},
}

// operationOf finds what is said of an endpoint. Channels describe themselves elsewhere: their paths are named, and that is all.
func operationOf(method, template string) operation {
	o, ok := operations[method+" "+template]
	rest, webhook := strings.CutPrefix(template, "/webhooks/")
	switch {
	case ok:
	case webhook && method == http.MethodGet && !strings.Contains(rest, "/"):
		o = operation{group: groupServer, summary: "Whether the channel is there", answers: []string{"200 application/json Health"}}
	case webhook:
		o = operation{
			group: groupTalk, summary: "What a channel sends", bodies: []string{"application/json Object"}, optional: true,
			answers: []string{"200 */* Text"}, errors: []int{401, 403, 409, 429, 500},
		}
	}
	if o.group == "" {
		o.group = groupOld
	}
	return o
}
