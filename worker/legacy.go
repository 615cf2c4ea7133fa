package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/channel"
	"parley/dialogue"
	"parley/metrics"
	"parley/model"
)

// oldError is an error of a route that only older generations have: beside the keys of the API it says "error".
func oldError(status int, reason, message string) *apiError {
	return &apiError{Status: status, Reason: reason, Message: message, Old: true}
}

// addLegacy adds the routes that only older generations of the API had. They are served in every profile, except where a
// newer generation is known to answer their path otherwise.
func (w *Worker) addLegacy(add func(group, path string, endpoints ...endpoint), conversation func(suffix string, endpoints ...endpoint)) {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	both := func(handle handler, failure string) []endpoint {
		return []endpoint{
			{method: get, handle: handle, model: true, failure: failure, old: true},
			{method: post, handle: handle, model: true, failure: failure, old: true},
		}
	}
	conversation("/parse", both(w.legacyParse, "ParseError")...)
	conversation("/respond", both(w.legacyRespond, "ActionException")...)
	conversation("/continue", endpoint{method: post, handle: w.legacyContinue, model: true, failure: "ContinueError", old: true})
	if w.cfg.Store != nil {
		add(metrics.GroupConversation, "/conversations", endpoint{method: get, handle: w.listConversations, failure: "ConversationError", absent: unlisted})
	}
	add(metrics.GroupModel, "/parse", both(w.legacyParseText, "ParseError")...)
	add(metrics.GroupModel, "/predict", endpoint{method: post, handle: w.legacyPredict, model: true, failure: "PredictionException", old: true})
	add(metrics.GroupTrain, "/train", endpoint{method: post, handle: w.legacyTrain, failure: "TrainingError", old: true})
	add(metrics.GroupTrain, "/evaluate", endpoint{method: post, handle: w.legacyEvaluate, failure: "FailedEvaluation", old: true})
	add(metrics.GroupTrain, "/finetune", endpoint{method: post, handle: func(context.Context, *call) error { return missing("online training") }})
	add(metrics.GroupModel, "/config", endpoint{method: get, handle: w.legacyConfig, model: true, failure: "ConfigError", old: true})
	add(metrics.GroupModel, "/load", endpoint{method: post, handle: w.uploadModel, failure: "LoadingError", audit: auditModelLoad, old: true})
	add(metrics.GroupModel, "/models", endpoint{method: del, handle: w.legacyUnload, failure: "LoadingError", old: true})
}

// queryText is the text that older clients send as query or q, in the body or in the address.
func (c *call) queryText() (text string, object map[string]any, ok bool, err error) {
	if c.Method() != http.MethodPost {
		for _, name := range []string{"query", "q"} {
			if c.Context().QueryArgs().Has(name) {
				return c.query(name), nil, true, nil
			}
		}
		return "", nil, false, nil
	}
	v, err := c.value()
	if err != nil {
		return "", nil, false, oldError(http.StatusBadRequest, "InvalidParameter", "The body is not valid JSON.")
	}
	object, _ = v.(map[string]any)
	for _, name := range []string{"query", "q"} {
		if s, is := object[name].(string); is {
			return s, object, true, nil
		}
	}
	return "", object, false, nil
}

// message is a legacy message of a conversation.
func (c *call) message(text string) dialogue.UserMessage {
	text = strings.TrimSpace(text)
	return dialogue.UserMessage{Text: &text, SenderID: c.sender(), OutputChannel: "collector"}
}

// legacyParse is /conversations/<id>/parse: understands a message, says what to do next and leaves it to the client.
func (w *Worker) legacyParse(ctx context.Context, c *call) error {
	text, _, ok, err := c.queryText()
	if err != nil {
		return err
	}
	if !ok {
		return oldError(http.StatusBadRequest, "InvalidParameter", "Invalid parse parameter specified")
	}
	if err := w.needsCore(); err != nil {
		return err
	}
	t, err := w.cfg.Bot.AddMessage(ctx, c.message(text))
	if err != nil {
		return err
	}
	if t.State().Paused && t.LatestIntent() != "restart" {
		return c.next("", t, "The conversation is paused.")
	}
	return w.nextAction(ctx, c)
}

// needsCore refuses models that cannot predict actions.
func (w *Worker) needsCore() error {
	if m := w.cfg.Bot.Model(); m != nil && m.Policies == nil {
		e := *errNoCore
		e.Old = true
		return &e
	}
	return nil
}

// nextAction predicts and answers; listening is recorded at once, for nobody will do it.
func (w *Worker) nextAction(ctx context.Context, c *call) error {
	p, t, err := w.cfg.Bot.Predict(ctx, c.sender())
	if err != nil {
		return err
	}
	if p.Action == dialogue.ActionListen {
		confidence := p.Confidence
		listen := &dialogue.ActionExecuted{Name: p.Action, Policy: p.Policy, Confidence: &confidence}
		t, err = w.cfg.Bot.AppendEvents(ctx, c.sender(), []dialogue.Event{listen}, false, "collector", nil)
		if err != nil {
			return err
		}
	}
	return c.next(p.Action, t, "")
}

// next answers with the next action, "" for none, and the tracker without its events.
func (c *call) next(action string, t *dialogue.Tracker, info string) error {
	b := append(make([]byte, 0, 1024), `{"next_action":`...)
	if action == "" {
		b = append(b, "null"...)
	} else {
		b = dialogue.AppendString(b, action)
	}
	if info != "" {
		b = dialogue.AppendString(append(b, `,"info":`...), info)
	}
	b = t.AppendJSON(append(b, `,"tracker":`...), dialogue.EventsNone)
	return c.json(append(b, '}'))
}

// legacyContinue is /conversations/<id>/continue: the client has run an action and asks for the next.
func (w *Worker) legacyContinue(ctx context.Context, c *call) error {
	o, err := c.object()
	if err != nil {
		return oldError(http.StatusBadRequest, "InvalidParameter", "The body has to be a JSON object.")
	}
	if err := w.needsCore(); err != nil {
		return err
	}
	action, isName := o["executed_action"].(string)
	if o["executed_action"] != nil && !isName || isName && w.cfg.Bot.Model().Domain.ActionIndex(action) < 0 {
		return oldError(http.StatusBadRequest, "InvalidParameter", fmt.Sprintf("There is no action '%v'.", o["executed_action"]))
	}
	var events []dialogue.Event
	if isName && action != dialogue.ActionListen {
		events = append(events, &dialogue.ActionExecuted{Name: action})
	}
	given, err := oldEvents(o["events"])
	if err != nil {
		return oldError(http.StatusBadRequest, "InvalidParameter", capital(err.Error())+".")
	}
	events = append(events, given...)
	if len(events) > 0 {
		if _, err := w.cfg.Bot.AppendEvents(ctx, c.sender(), events, false, "collector", nil); err != nil {
			return err
		}
	}
	if action == dialogue.ActionListen {
		t, err := w.cfg.Bot.Tracker(ctx, c.sender())
		if err != nil {
			return err
		}
		return c.next("", t, "You did the listening: send the next message.")
	}
	return w.nextAction(ctx, c)
}

// oldEvents reads the events of a body; items without a type are skipped.
func oldEvents(v any) ([]dialogue.Event, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("events has to be a list")
	}
	list = slices.DeleteFunc(slices.Clone(list), func(item any) bool {
		o, ok := item.(map[string]any)
		return ok && o["event"] == nil
	})
	if err := checkEvents(list); err != nil {
		return nil, err
	}
	return decodeEvents(list)
}

// legacyRespond is /conversations/<id>/respond: a whole turn.
func (w *Worker) legacyRespond(ctx context.Context, c *call) error {
	text, _, ok, err := c.queryText()
	if err != nil {
		return err
	}
	if !ok {
		e := oldError(http.StatusBadRequest, "InvalidParameter", "Invalid respond parameter specified.")
		e.Parameter, e.In = "query", "query"
		return e
	}
	if err := w.needsCore(); err != nil {
		return err
	}
	out := channel.NewCollector()
	send := func(m dialogue.BotMessage) error { return channel.Dispatch(ctx, out, m) }
	if err := w.cfg.Bot.Handle(ctx, c.message(text), send); err != nil {
		return err
	}
	return c.json(out.Body())
}

// unlisted reports whether GET /conversations is not there for a request. Older generations list all ids; the newest has no such
// path (golden http-basic), except for those who ask for a page.
func unlisted(c *call) bool {
	v := c.compat()
	return !c.paged() && v != CompatCore14 && v != CompatCore8
}

func (c *call) paged() bool { return c.query("limit") != "" || c.query("cursor") != "" }

// listConversations is GET /conversations.
func (w *Worker) listConversations(ctx context.Context, c *call) error {
	if c.paged() {
		return w.conversationPage(ctx, c)
	}
	b := []byte{'['}
	for cursor := ""; ; {
		ids, next, err := w.cfg.Store.List(ctx, cursor, 1000)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = dialogue.AppendString(b, id)
		}
		if next == "" {
			return c.json(append(b, ']'))
		}
		cursor = next
	}
}

// legacyPredict is POST /predict: the next action after a list of events.
func (w *Worker) legacyPredict(ctx context.Context, c *call) error {
	if err := w.needsCore(); err != nil {
		return err
	}
	events, err := c.events()
	if err != nil {
		return oldError(http.StatusBadRequest, "InvalidParameter", capital(err.Error())+".")
	}
	p, t, err := w.cfg.Bot.PredictEvents(ctx, "default", events)
	if err != nil {
		return err
	}
	b := appendScores(nil, scoresOf(p, t.Domain()))
	b = append(b, `,"policy":`...)
	b = dialogue.AppendJSON(b, orNull(p.Policy))
	b = t.AppendJSON(append(b, `,"tracker":`...), dialogue.EventsAfterRestart)
	return c.json(append(b, '}'))
}

// uploadModel takes a model archive in the multipart field "model": POST /load, and POST /model of 0.14.
func (w *Worker) uploadModel(_ context.Context, c *call) error {
	header, err := c.FormFile("model")
	if err != nil {
		e := oldError(http.StatusBadRequest, "InvalidParameter", "You did not supply a model as part of your request.")
		e.Parameter, e.In = "model", "body"
		return e
	}
	dir, err := os.MkdirTemp("", "parley-upload-")
	if err != nil {
		return fmt.Errorf("make a folder for the model: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "upload.tar.gz")
	if err := c.SaveFile(header, path); err != nil {
		return fmt.Errorf("keep the model: %w", err)
	}
	m, err := w.cfg.LoadModel(path)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, model.ErrNotModel) {
			status = http.StatusBadRequest
		}
		return oldError(status, "LoadingError", "The model could not be loaded: "+strings.ReplaceAll(err.Error(), path, "the upload"))
	}
	if err := w.use(c.base, m, nil); err != nil { //nolint:contextcheck // see loadModel
		return err
	}
	if c.route.template == "/load" {
		return c.json([]byte(`{"success":1}`))
	}
	return c.noContent()
}

// appendMarkdown writes sessions as the end-to-end stories in Markdown of 0.14.
func appendMarkdown(b []byte, name string, sessions [][]dialogue.Event) []byte {
	for i, events := range sessions {
		title := name
		if len(sessions) > 1 {
			title = fmt.Sprintf("%s, story %d", name, i+1)
		}
		b = append(b, "## "+title+"\n"...)
		for _, e := range events {
			switch e := e.(type) {
			case *dialogue.UserUttered:
				text := ""
				if e.Text != nil {
					text = annotated(*e.Text, e.Parse.Entities)
				}
				b = append(b, "* "+e.Parse.Intent.Name+": "+text+"\n"...)
			case *dialogue.ActionExecuted:
				if e.Name != "" && e.Name != dialogue.ActionListen && e.Name != dialogue.ActionSessionStart {
					b = append(b, "    - "+e.Name+"\n"...)
				}
			case *dialogue.SlotSet:
				b = append(b, "    - slot"...)
				b = append(dialogue.AppendJSON(b, map[string]any{e.Name: e.Value}), '\n')
			case *dialogue.ActiveLoop:
				b = append(b, "    - form"...)
				b = append(dialogue.AppendJSON(b, map[string]any{"name": orNull(e.Name)}), '\n')
			case *dialogue.Restarted:
				b = append(b, "    - restart\n"...)
			}
		}
	}
	return b
}
