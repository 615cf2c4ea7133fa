package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/agent"
	"parley/dialogue"
	"parley/model"
	"parley/project"
)

// version is GET /version: the compatible version in the reference's fields, our own in a header. A third field would be more
// than the reference answers, and clients compare the body (conformance case http-basic).
func (w *Worker) version(_ context.Context, c *call) error {
	c.Response().Header.Set("Parley-Version", w.cfg.Version)
	if c.compat() == CompatCore8 || c.compat() == CompatNLU {
		return c.json([]byte(`{"version":"` + Compatible + `"}`))
	}
	return c.json([]byte(`{"version":"` + Compatible + `","minimum_compatible_version":"` + Compatible + `"}`))
}

// status is GET /status.
func (w *Worker) status(_ context.Context, c *call) error {
	m := w.cfg.Bot.Model()
	switch c.compat() {
	case CompatCore14:
		return c.coreStatus(m)
	case CompatNLU:
		return c.nluStatus(m)
	}
	if m == nil {
		return c.noModel()
	}
	b := append([]byte(nil), `{"model_file":`...)
	b = dialogue.AppendJSON(b, filepath.Base(m.File))
	b = append(b, `,"model_id":`...)
	b = dialogue.AppendJSON(b, m.ID)
	b = append(b, `,"num_active_training_jobs":`...)
	b = strconv.AppendInt(b, w.training.Load(), 10)
	return c.json(append(b, '}'))
}

// domain is GET /domain. The Accept header is taken as a whole, as in the reference: what does not end in a known name, "*/*"
// included, is refused.
func (w *Worker) domain(_ context.Context, c *call) error {
	m := w.cfg.Bot.Model()
	if m == nil {
		return errNoModel
	}
	accept := typeJSON
	if h := c.Context().Request.Header.Peek("Accept"); h != nil {
		accept = string(h)
	}
	switch {
	case strings.HasSuffix(accept, "json"):
		return c.json(m.Domain.Raw)
	case strings.HasSuffix(accept, "yml"), strings.HasSuffix(accept, "yaml"):
		text, err := project.DomainYAML(m.Domain.Raw)
		if err != nil {
			return fmt.Errorf("read the domain: %w", err)
		}
		contentType := "application/x-yaml"
		if c.compat() == CompatCore14 {
			contentType = "application/x-yml"
		}
		return c.reply(http.StatusOK, contentType, text)
	}
	return &apiError{
		Status: http.StatusNotAcceptable, Reason: "NotAcceptable",
		Message: "Invalid Accept header. Domain can be provided as json (\"Accept: application/json\") or yml (\"Accept: application/x-yaml\"). Make sure you've set the appropriate Accept header.",
	}
}

// parse is POST /model/parse.
func (w *Worker) parse(ctx context.Context, c *call) error {
	if len(bytes.TrimSpace(c.body())) == 0 {
		return badRequest("No text message defined in request_body. Add text message to request body in order to obtain the intent and extracted entities.")
	}
	emulate, err := emulation(c.query("emulation_mode"))
	if err != nil {
		return err
	}
	text, err := textToParse(c)
	if err != nil {
		return err
	}
	p, err := w.cfg.Bot.Parse(ctx, text)
	if err != nil {
		return err
	}
	return c.json(emulate(make([]byte, 0, 4096), &p))
}

// plainText reads the common body, {"text": "…"} without escapes. ok is false for any other, which is left to the full decoder.
func plainText(body []byte) (text string, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(body), []byte(`{"text":`))
	if !ok {
		return "", false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte(`"`)); !ok {
		return "", false
	}
	value, end, ok := bytes.Cut(rest, []byte(`"`))
	if !ok || string(bytes.TrimLeft(end, " ")) != "}" || !utf8.Valid(value) ||
		bytes.ContainsFunc(value, func(r rune) bool { return r == '\\' || r < ' ' }) {
		return "", false
	}
	return string(value), true
}

// textToParse reads {"text": …}; of a list the first item counts.
func textToParse(c *call) (string, error) {
	if text, ok := plainText(c.body()); ok {
		return strings.TrimSpace(text), nil
	}
	refuse := func(message string) error {
		return &apiError{Status: http.StatusBadRequest, Reason: "ParsingError", Message: "An unexpected error occurred. Error: " + message}
	}
	v, err := c.value()
	if err != nil {
		return "", refuse(err.Error())
	}
	o, ok := v.(map[string]any)
	if !ok {
		return "", refuse("the request body is no JSON object")
	}
	text := o["text"]
	if list, ok := text.([]any); ok && len(list) > 0 {
		text = list[0]
	}
	s, ok := text.(string)
	if !ok {
		return "", refuse("'text' is missing or no string")
	}
	return strings.TrimSpace(s), nil
}

// predict is POST /conversations/<id>/predict: the next action, with scores from the best down.
func (w *Worker) predict(ctx context.Context, c *call) error {
	if m := w.cfg.Bot.Model(); m != nil && m.Policies == nil {
		return errNoCore
	}
	p, t, err := w.cfg.Bot.Predict(ctx, c.sender())
	if err != nil {
		return err
	}
	scores := scoresOf(p, t.Domain())
	slices.SortStableFunc(scores, func(a, b score) int {
		switch {
		case a.value > b.value:
			return -1
		case a.value < b.value:
			return 1
		}
		return strings.Compare(a.action, b.action)
	})
	return c.predicted(p, scores, t, dialogue.EventsAfterRestart)
}

// predictEvents is POST /model/predict: the next action after a list of events, with scores in the domain's order.
func (w *Worker) predictEvents(ctx context.Context, c *call) error {
	if m := w.cfg.Bot.Model(); m != nil && m.Policies == nil {
		return errNoCore
	}
	v, err := c.value()
	if err != nil {
		return err
	}
	_, single := v.(map[string]any)
	events, err := c.events()
	bad := new(eventError)
	if err != nil && !errors.As(err, bad) {
		return err
	}
	verbosity, verr := c.verbosity(dialogue.EventsAfterRestart)
	switch {
	case verr != nil:
		return verr
	case err != nil:
		return badBody("", "Supplied events are not valid. "+err.Error())
	case single:
		return badBody("", "Supplied events are not valid. They have to be a list.")
	}
	p, t, err := w.cfg.Bot.PredictEvents(ctx, "default", events)
	if err != nil {
		return err
	}
	return c.predicted(p, scoresOf(p, t.Domain()), t, verbosity)
}

var errNoCore = &apiError{
	Status: http.StatusConflict, Reason: "Conflict", Help: helpConfigure,
	Message: "The loaded model was trained without stories or rules: it cannot predict actions.",
}

// score is an action's confidence.
type score struct {
	action string
	value  float64
}

func scoresOf(p agent.Prediction, d *dialogue.Domain) []score {
	scores := make([]score, 0, len(d.Actions))
	for i, action := range d.Actions {
		s := score{action: action}
		if i < len(p.Scores) {
			s.value = p.Scores[i]
		}
		scores = append(scores, s)
	}
	return scores
}

// predicted answers with a prediction.
func (c *call) predicted(p agent.Prediction, scores []score, t *dialogue.Tracker, v dialogue.Verbosity) error {
	b := appendScores(make([]byte, 0, 4096), scores)
	b = append(b, `,"policy":`...)
	if p.Policy == "" {
		b = append(b, "null"...)
	} else {
		b = dialogue.AppendJSON(b, p.Policy)
	}
	b = append(b, `,"confidence":`...)
	b = dialogue.AppendJSON(b, p.Confidence)
	b = append(b, `,"tracker":`...)
	b = t.AppendJSON(b, v)
	return c.json(append(b, '}'))
}

// appendScores begins an object with its scores.
func appendScores(b []byte, scores []score) []byte {
	b = append(b, `{"scores":[`...)
	for i, s := range scores {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialogue.AppendString(append(b, `{"action":`...), s.action)
		b = dialogue.AppendJSON(append(b, `,"score":`...), s.value)
		b = append(b, '}')
	}
	return append(b, ']')
}

// loadModel is PUT /model. When it fails the old model stays.
func (w *Worker) loadModel(ctx context.Context, c *call) error {
	if len(bytes.TrimSpace(c.body())) == 0 {
		return badRequest("No path to model file defined in request_body.")
	}
	o, err := c.object()
	if err != nil {
		return err
	}
	file, _ := o["model_file"].(string)
	m, from, err := w.readModel(ctx, file, o)
	if err != nil {
		if e := stateError(err); e != nil {
			return e
		}
		if bad, ok := errors.AsType[*apiError](err); ok {
			return bad
		}
		w.log.Warn("a model could not be loaded", "model", file, "error", err)
		return &apiError{
			Status: http.StatusBadRequest, Reason: "BadRequest", Parameter: "model", In: "query",
			Message: fmt.Sprintf("Agent with name '%s' could not be loaded. %s.", file, capital(err.Error())),
		}
	}
	if err := w.use(c.base, m, from); err != nil { //nolint:contextcheck // pulling outlives its request, not Run
		return err
	}
	w.log.Info("a model was loaded", "model", filepath.Base(m.File), "model_id", m.ID)
	return c.noContent()
}

// readModel reads the model that the body of PUT /model names: of a model server, else a remote storage, else a file.
func (w *Worker) readModel(ctx context.Context, file string, o map[string]any) (m *model.Model, from *modelServer, err error) {
	if server := o["model_server"]; server != nil {
		endpoint, ok := server.(map[string]any)
		if !ok {
			return nil, nil, badBody("model_server", "Supplied 'model_server' is not valid. Error: it has to be an object.")
		}
		if from, err = w.newModelServer(endpoint); err != nil {
			return nil, nil, err
		}
		m, err = from.fetch(ctx)
		return m, from, err
	}
	if storage, _ := o["remote_storage"].(string); storage != "" {
		if w.cfg.FetchModel == nil {
			return nil, nil, fmt.Errorf("remote storages (%s) are not part of this version", storage)
		}
		m, err = w.cfg.FetchModel(ctx, storage, file)
		return m, nil, err
	}
	if file == "" {
		return nil, nil, errors.New("no model file is given")
	}
	m, err = w.cfg.LoadModel(file)
	return m, nil, err
}

// unloadModel is DELETE /model.
func (w *Worker) unloadModel(_ context.Context, c *call) error {
	if err := w.use(c.base, nil, nil); err != nil { //nolint:contextcheck // see loadModel
		return err
	}
	w.log.Info("the model was unloaded")
	return c.noContent()
}
