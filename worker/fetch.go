package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"parley/dialogue"
	"parley/logging"
	"parley/model"
)

// Limits of a model server.
const (
	maxFetched   = 1 << 30 // bytes of an archive
	defaultPulls = 100 * time.Second
	shortestPull = 100 * time.Millisecond
)

// errSameModel says that a model server has nothing newer.
var errSameModel = errors.New("the model server has no new model")

// modelServer is where archives are fetched from: an endpoint as in endpoints.yml, given in the body of PUT /model.
type modelServer struct {
	w       *Worker
	request *http.Request
	every   time.Duration // between two pulls; 0: none
	tag     string        // of the archive that was fetched last
}

// newModelServer reads url, params, headers, basic_auth, token, token_name and wait_time_between_pulls.
func (w *Worker) newModelServer(o map[string]any) (*modelServer, error) {
	text, ok := o["url"].(string)
	if !ok || text == "" {
		return nil, errors.New("the model server has no url")
	}
	u, err := webAddress(text)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	params, _ := o["params"].(map[string]any)
	for k, v := range params {
		query.Set(k, dialogue.PyString(v))
	}
	if token := o["token"]; dialogue.Truthy(token) {
		name, _ := o["token_name"].(string)
		if name == "" {
			name = "token"
		}
		query.Set(name, dialogue.PyString(token))
	}
	u.RawQuery = query.Encode()
	s := &modelServer{w: w, every: defaultPulls, request: &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}}
	headers, _ := o["headers"].(map[string]any)
	for k, v := range headers {
		s.request.Header.Set(k, dialogue.PyString(v))
	}
	if auth, _ := o["basic_auth"].(map[string]any); auth != nil {
		name, _ := auth["username"].(string)
		password, _ := auth["password"].(string)
		s.request.SetBasicAuth(name, password)
	}
	if v, given := o["wait_time_between_pulls"]; given {
		seconds, ok := numberOf(v)
		if v != nil && (!ok || seconds < 0 || seconds > 1e9) {
			return nil, errors.New("wait_time_between_pulls has to be a number of seconds")
		}
		if s.every = time.Duration(seconds * float64(time.Second)); s.every > 0 {
			s.every = max(s.every, shortestPull)
		}
	}
	return s, nil
}

// fetch gets the archive and loads it; errSameModel when it is the one that was fetched last. An archive without an ETag counts as
// none, as in the reference.
func (s *modelServer) fetch(ctx context.Context) (*model.Model, error) {
	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	request := s.request.Clone(ctx)
	if s.tag != "" {
		request.Header.Set("If-None-Match", s.tag)
	}
	res, err := s.w.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the model server cannot be reached: %w", unaddressed(err))
	}
	defer func() { _ = res.Body.Close() }()
	tag := res.Header.Get("ETag")
	switch {
	case res.StatusCode == http.StatusNotModified, res.StatusCode == http.StatusNoContent, tag != "" && tag == s.tag:
		return nil, errSameModel
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the model server answered with status %d", res.StatusCode)
	case tag == "":
		return nil, errors.New("the model server's answer has no ETag")
	}
	dir, err := os.MkdirTemp("", "parley-fetch-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the model: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, archiveName(res.Header.Get("filename")))
	if err := save(path, res.Body); err != nil {
		return nil, err
	}
	m, err := s.w.cfg.LoadModel(path)
	if err != nil {
		return nil, err
	}
	s.tag = tag
	return m, nil
}

// archiveName is the name under which an archive is kept, from the header filename.
func archiveName(given string) string {
	if name := filepath.Base(filepath.Clean("/" + given)); name != "/" && len(name) < 200 {
		return name
	}
	return "model.tar.gz"
}

// save writes an archive of bounded size.
func save(path string, body io.Reader) error {
	f, err := os.Create(path) //nolint:gosec // a plain name in a folder of its own
	if err != nil {
		return fmt.Errorf("keep the model: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(body, maxFetched+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("fetch the model: %w", err)
	}
	if n > maxFetched {
		return fmt.Errorf("the model is larger than %d bytes", maxFetched)
	}
	return nil
}

// use puts a model into service, nil for none, and ends the pulling of what was there before. A model from a server is followed:
// the server is asked for newer ones until the worker ends or another model is put into its place.
func (w *Worker) use(base context.Context, m *model.Model, from *modelServer) error {
	w.using.Lock()
	defer w.using.Unlock()
	if err := w.cfg.Bot.Swap(m); err != nil {
		return fmt.Errorf("use the model: %w", err)
	}
	if w.stopPulls != nil {
		w.stopPulls()
		w.stopPulls = nil
	}
	if from == nil || from.every == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(base)
	w.stopPulls = stop
	w.jobs.Go(func() {
		defer stop()
		from.follow(ctx)
	})
	return nil
}

// follow asks for newer models until ctx ends. What goes wrong is logged, and the old model stays.
func (s *modelServer) follow(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m, err := s.fetch(ctx)
		if err == nil {
			err = s.replace(ctx, m)
		}
		if err != nil && !errors.Is(err, errSameModel) && ctx.Err() == nil {
			s.w.log.Warn("a model could not be pulled", "error", err)
		}
	}
}

// replace takes over a newer model, unless another one was put into place meanwhile.
func (s *modelServer) replace(ctx context.Context, m *model.Model) error {
	s.w.using.Lock()
	defer s.w.using.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.w.cfg.Bot.Swap(m); err != nil {
		return err
	}
	s.w.audit(visitor{who: slog.String("who", "model_server")}, auditModelLoad, logging.AuditOK, slog.String("target", m.ID))
	s.w.log.Info("a model was pulled", "model", filepath.Base(m.File), "model_id", m.ID)
	return nil
}
