package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"parley/dialogue"
)

// defaultProject is the one project that this server has in the words of the NLU server.
const defaultProject = "default"

// legacyParseText is /parse of the NLU server and of Core 0.14: understands a text outside any conversation.
func (w *Worker) legacyParseText(ctx context.Context, c *call) error {
	text, object, ok, err := c.queryText()
	if err != nil {
		return err
	}
	if !ok {
		status := http.StatusBadRequest
		if c.compat() == CompatNLU {
			status = http.StatusNotFound
		}
		return oldError(status, "InvalidParameter", "Invalid parse parameter specified")
	}
	project, _ := object["project"].(string)
	if project == "" {
		project = c.query("project")
	}
	if project != "" && project != defaultProject {
		return oldError(http.StatusNotFound, "NotFound", fmt.Sprintf("No project found with name '%s'.", project))
	}
	p, err := w.cfg.Bot.Parse(ctx, strings.TrimSpace(text))
	if err != nil {
		return err
	}
	b := p.AppendJSON(make([]byte, 0, 1024))
	b = append(b[:len(b)-1], `,"project":"default","model":`...)
	name := ""
	if m := w.cfg.Bot.Model(); m != nil {
		name = modelName(m)
	}
	return c.json(append(dialogue.AppendString(b, name), '}'))
}

// legacyTrain is POST /train of the NLU server: the model is named in the query and stays on the server.
func (w *Worker) legacyTrain(ctx context.Context, c *call) error {
	if w.cfg.Train == nil {
		return missing("training")
	}
	if c.query("project") == "" && c.compat() == CompatNLU {
		return oldError(http.StatusNotFound, "InvalidParameter", "Missing project name to train")
	}
	if !w.training.CompareAndSwap(0, 1) {
		return oldError(http.StatusForbidden, "TrainingError", "The project is already being trained!")
	}
	defer w.training.Add(-1)
	name := c.query("model")
	if name == "" {
		name = c.query("name")
	}
	if name != "" && (name != filepath.Base(name) || strings.HasPrefix(name, ".")) {
		return oldError(http.StatusBadRequest, "InvalidParameter", "The name of the model is no file name.")
	}
	path, err := w.cfg.Train(ctx, c.trainQuery())
	switch {
	case errors.Is(err, ErrInvalidPayload):
		return oldError(http.StatusInternalServerError, "TrainingError", capital(err.Error()))
	case err != nil:
		return err
	}
	if name != "" {
		named := filepath.Join(filepath.Dir(path), name+".tar.gz")
		if err := os.Rename(path, named); err != nil {
			return fmt.Errorf("name the model: %w", err)
		}
		path = named
	}
	b := append([]byte(nil), `{"info":`...)
	b = dialogue.AppendString(b, "new model trained: "+strings.TrimSuffix(filepath.Base(path), ".tar.gz"))
	return c.json(append(b, '}'))
}

// legacyEvaluate is POST /evaluate: of intents in the NLU server, of stories in Core.
func (w *Worker) legacyEvaluate(ctx context.Context, c *call) error {
	project := c.query("project")
	if project != "" && project != defaultProject {
		return oldError(http.StatusInternalServerError, "FailedEvaluation", fmt.Sprintf("Project %s could not be found", project))
	}
	body := c.body()
	nlu := project != "" || c.compat() == CompatNLU || c.compat() == Compat3 &&
		(bytes.Contains(body, []byte("rasa_nlu_data")) || bytes.Contains(body, []byte("nlu:")) && !bytes.Contains(body, []byte("stories:")))
	if nlu {
		return w.testIntents(ctx, c)
	}
	return w.testStories(ctx, c)
}

// legacyConfig is GET /config of the NLU server: what the pipeline was made of.
func (w *Worker) legacyConfig(_ context.Context, c *call) error {
	m := w.cfg.Bot.Model()
	if m == nil {
		return errNoModel
	}
	pipeline := []any{}
	if m.NLU != nil {
		for _, component := range m.NLU.Components() {
			entry := maps.Clone(component.Options)
			if entry == nil {
				entry = map[string]any{}
			}
			entry["name"] = component.Name
			pipeline = append(pipeline, entry)
		}
	}
	return c.json(dialogue.AppendJSON(nil, map[string]any{"language": orNull(m.Language), "pipeline": pipeline}))
}

// legacyUnload is DELETE /models of the NLU server.
func (w *Worker) legacyUnload(_ context.Context, c *call) error {
	if project := c.query("project"); project != "" && project != defaultProject {
		return oldError(http.StatusInternalServerError, "LoadingError", fmt.Sprintf("Project %s could not be found", project))
	}
	name := c.query("model")
	m := w.cfg.Bot.Model()
	switch {
	case m != nil && (name == "" || name == modelName(m)):
		if err := w.use(c.base, nil, nil); err != nil { //nolint:contextcheck // see loadModel
			return err
		}
		name = modelName(m)
	case name != "fallback":
		return oldError(http.StatusInternalServerError, "LoadingError", fmt.Sprintf("Failed to unload model %s for project %s.", name, defaultProject))
	}
	return c.json(dialogue.AppendString(nil, name))
}
