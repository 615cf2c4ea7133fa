package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"parley/dialogue"
	"parley/logging"
)

// Errors that the functions of a Config tell apart.
var (
	// ErrInvalidPayload means that what was sent is no training data: the client gets 400 and the text of the error.
	ErrInvalidPayload = errors.New("the training data is not valid")
	// ErrUnusable means that a training or a test failed because of what was sent, though it is well-formed. As in the reference that
	// is no mistake of the client, but 500, unless Config.StrictStatus is set.
	ErrUnusable = errors.New("what was sent cannot be used")
)

// TrainRequest is what POST /model/train asks for.
type TrainRequest struct {
	Body []byte // YAML or JSON, all files of a project in one; the callee may keep it
	// Files are the files of a project by their plain names, in place of Body.
	Files        map[string][]byte
	Dir          string // where the archive goes; "": the default models folder
	Force        bool
	Augmentation int
	Threads      int
}

// TestStoriesRequest is what POST /model/test/stories asks for.
type TestStoriesRequest struct {
	Body     []byte // YAML
	EndToEnd bool
}

// TestIntentsRequest is what POST /model/test/intents asks for.
type TestIntentsRequest struct {
	Body  []byte
	YAML  bool   // else JSON
	Model string // another model than the loaded one; "": the loaded one
	Folds int    // of a cross-validation; 0: none
	Train TrainRequest
}

// callbackTimeout bounds the post of a result to a callback_url.
const callbackTimeout = 5 * time.Minute

// result is what a training or a test answers.
type result struct {
	contentType string
	body        []byte
	file        string // name of an archive; "": no archive
}

// later runs a job now, or answers 204 and posts its result to the callback_url of the request.
func (c *call) later(ctx context.Context, failure string, job func(ctx context.Context) (result, error)) error { //nolint:contextcheck // a job outlives its request, not Run
	target := c.query("callback_url")
	if target == "" {
		r, err := job(ctx)
		if err != nil {
			return err
		}
		if r.file != "" {
			c.Set("filename", r.file)
			c.Set("Content-Disposition", `attachment; filename="`+r.file+`"`)
		}
		return c.reply(http.StatusOK, r.contentType, r.body)
	}
	if _, err := webAddress(target); err != nil {
		return &apiError{
			Status: http.StatusBadRequest, Reason: "BadRequest", Parameter: "callback_url", In: "query",
			Message: "The result cannot be posted to 'callback_url': " + err.Error() + ".",
		}
	}
	w, base := c.w, c.base
	w.inFlight.Add(1)
	w.jobs.Go(func() {
		defer w.inFlight.Add(-1)
		ctx, cancel := context.WithTimeout(base, w.cfg.ResponseTimeout)
		defer cancel()
		w.callBack(base, target, w.guarded(ctx, failure, job))
	})
	return c.noContent()
}

// guarded runs a job whose client waits elsewhere: an error or a panic becomes what the client would have got.
func (w *Worker) guarded(ctx context.Context, failure string, job func(ctx context.Context) (result, error)) (r result) {
	refuse := func(err error) result {
		unexpected, answer := statusOf(err, failure, w.cfg.StrictStatus)
		if unexpected {
			w.log.Error("a job failed", "error", err)
		} else {
			w.log.Info("a job was refused", "reason", err)
		}
		var api *apiError
		if !errors.As(answer, &api) {
			api = &apiError{Status: http.StatusInternalServerError, Reason: "UnexpectedError", Message: answer.Error()}
		}
		return result{contentType: typeJSON, body: appendAPIError(nil, api)}
	}
	defer func() {
		if p := recover(); p != nil {
			r = refuse(w.caught("a job panicked", p))
		}
	}()
	r, err := job(ctx)
	if err != nil {
		return refuse(err)
	}
	return r
}

// callBack posts a result; nobody is left to tell when that fails.
func (w *Worker) callBack(base context.Context, target string, r result) {
	ctx, cancel := context.WithTimeout(base, callbackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(r.body))
	if err != nil {
		w.log.Error("a result could not be posted", "error", err)
		return
	}
	req.Header.Set("Content-Type", r.contentType)
	res, err := w.client.Do(req)
	if err != nil {
		blocked := errors.Is(err, errPrivateAddress)
		w.cfg.Metrics.CalledBack(map[bool]string{true: "blocked", false: "failed"}[blocked])
		w.log.Error("a result could not be posted", "error", unaddressed(err))
		return
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode < http.StatusBadRequest {
		w.cfg.Metrics.CalledBack("ok")
	} else {
		w.cfg.Metrics.CalledBack("failed")
		w.log.Warn("a posted result was refused", "status", res.StatusCode)
	}
}

// trainQuery reads the query parameters of a training.
func (c *call) trainQuery() TrainRequest {
	return TrainRequest{
		Body:         bytes.Clone(c.body()),
		Force:        c.flag("force_training", false),
		Augmentation: c.number("augmentation", 50),
		Threads:      c.number("num_threads", 1),
	}
}

// train is POST /model/train. The model is sent back, not loaded.
func (w *Worker) train(ctx context.Context, c *call) error {
	if w.cfg.Train == nil {
		return missing("training")
	}
	r, keep := c.trainQuery(), c.flag("save_to_default_model_directory", true)
	bad, by := c.trainFiles(&r, &keep), c.visitor()
	return c.later(ctx, "TrainingError", func(ctx context.Context) (_ result, err error) {
		if bad != nil {
			return result{}, bad
		}
		if len(bytes.TrimSpace(r.Body)) == 0 && r.Files == nil {
			return result{}, badRequest("You must provide training data in the request body in order to train your model.")
		}
		w.training.Add(1)
		defer w.training.Add(-1)
		w.audit(by, auditTrainingBegin, logging.AuditOK)
		defer func() { w.audit(by, auditTrainingEnd, w.resultOf(err, "TrainingError")) }()
		if !keep {
			dir, err := os.MkdirTemp("", "parley-train-")
			if err != nil {
				return result{}, fmt.Errorf("make a folder for the model: %w", err)
			}
			defer func() { _ = os.RemoveAll(dir) }()
			r.Dir = dir
		}
		path, err := w.cfg.Train(ctx, r)
		if err != nil {
			return result{}, payloadError(err)
		}
		body, err := os.ReadFile(path) //nolint:gosec // the file that was just trained
		if err != nil {
			return result{}, fmt.Errorf("read the model: %w", err)
		}
		return result{contentType: "application/x-tar", body: body, file: filepath.Base(path)}, nil
	})
}

// payloadError says what the client learns of a failed training or test.
func payloadError(err error) error {
	if errors.Is(err, ErrInvalidPayload) {
		return &apiError{Status: http.StatusBadRequest, Reason: "BadRequest", Message: capital(err.Error()), Help: helpDataFormat}
	}
	return err
}

// testStories is POST /model/test/stories.
func (w *Worker) testStories(ctx context.Context, c *call) error {
	r := TestStoriesRequest{Body: bytes.Clone(c.body()), EndToEnd: c.flag("e2e", false)}
	if len(r.Body) == 0 {
		return badRequest("You must provide some stories in the request body in order to evaluate your model.")
	}
	if m := w.cfg.Bot.Model(); m != nil && m.Policies == nil {
		return errNoCore
	}
	if w.cfg.TestStories == nil {
		return missing("the evaluation of stories")
	}
	report, err := w.cfg.TestStories(ctx, r)
	if err != nil {
		return payloadError(err)
	}
	return c.json(report)
}

// testIntents is POST /model/test/intents.
func (w *Worker) testIntents(ctx context.Context, c *call) error {
	r := TestIntentsRequest{
		Body:  bytes.Clone(c.body()),
		YAML:  mediaType(string(c.Context().Request.Header.ContentType())) == "application/x-yaml",
		Model: c.query("model"),
		Train: c.trainQuery(),
	}
	folds := c.query("cross_validation_folds")
	loaded := w.cfg.Bot.Model() != nil
	return c.later(ctx, "TestingError", func(ctx context.Context) (result, error) {
		if len(bytes.TrimSpace(r.Body)) == 0 {
			return result{}, badRequest("You must provide some nlu data in the request body in order to evaluate your model.")
		}
		if folds != "" {
			n, err := strconv.Atoi(strings.TrimSpace(folds))
			switch {
			case err != nil || n < 2:
				return result{}, &apiError{
					Status: http.StatusBadRequest, Reason: "BadRequest", Parameter: "cross_validation_folds", In: "query",
					Message: "The number of folds has to be a whole number of at least 2.",
				}
			case !r.YAML:
				return result{}, &apiError{
					Status: http.StatusBadRequest, Reason: "TestingError",
					Message: "Cross-validation is only supported for YAML data.",
				}
			}
			r.Folds = n
		} else if r.Model == "" && !loaded {
			return result{}, errNoModel
		}
		if !r.YAML {
			if err := checkNLUJSON(r.Body); err != nil {
				return result{}, err
			}
		}
		if w.cfg.TestIntents == nil {
			return result{}, missing("the evaluation of intents")
		}
		report, err := w.cfg.TestIntents(ctx, r)
		if err != nil {
			return result{}, payloadError(err)
		}
		return result{contentType: typeJSON, body: report}, nil
	})
}

// checkNLUJSON checks NLU data in JSON: an object that holds nothing but rasa_nlu_data.
func checkNLUJSON(body []byte) error {
	v, err := dialogue.DecodeJSON(body)
	if err != nil {
		return errBadJSON
	}
	o, ok := v.(map[string]any)
	if !ok {
		return badBody("", "The request body has to be a JSON object.")
	}
	for key := range o {
		if key != "rasa_nlu_data" {
			return badBody("", "The request body has to hold rasa_nlu_data and nothing else.")
		}
	}
	return nil
}
