package worker

import (
	"net/http"
	"path/filepath"

	"parley/dialogue"
	"parley/model"
)

// Compat names a generation of the reference's API.
type Compat string

// The generations: Rasa 2 and 3, Rasa Core 0.11 to 0.14, Rasa Core 0.7 to 0.10, Rasa NLU 0.12.
const (
	Compat3      Compat = "3"
	CompatCore14 Compat = "0.14"
	CompatCore8  Compat = "0.8"
	CompatNLU    Compat = "nlu"
)

// profile is a set of generations.
type profile uint8

const (
	profile3 profile = 1 << iota
	profileCore14
	profileCore8
	profileNLU

	profileAny = profile3 | profileCore14 | profileCore8 | profileNLU
)

func compats() []string {
	return []string{string(Compat3), string(CompatCore14), string(CompatCore8), string(CompatNLU)}
}

// profile is the generation as a set of one; 0: there is no such generation.
func (v Compat) profile() profile {
	switch v {
	case Compat3:
		return profile3
	case CompatCore14:
		return profileCore14
	case CompatCore8:
		return profileCore8
	case CompatNLU:
		return profileNLU
	}
	return 0
}

// banner is how a generation greeted on /, without its version; "": as this server does.
func (v Compat) banner() string {
	switch v {
	case CompatCore14, CompatCore8:
		return "hello from Rasa Core: "
	case CompatNLU:
		return "hello from Rasa NLU: "
	}
	return ""
}

// compat is the generation that a request asks for (?api_compat=), or the server's.
func (c *call) compat() Compat {
	if !c.w.cfg.API {
		return Compat3
	}
	if v := Compat(c.query("api_compat")); v.profile() != 0 {
		return v
	}
	return c.w.cfg.Compat
}

// noModel is the answer where a model is needed and none is loaded.
func (c *call) noModel() error {
	if c.compat() != CompatCore14 {
		return errNoModel
	}
	e := *errNoModel
	e.Status, e.Reason = http.StatusServiceUnavailable, "NoAgent"
	return &e
}

// badEvents is the answer to an unknown value of include_events.
func (c *call) badEvents() error {
	e := &apiError{
		Status: http.StatusBadRequest, Reason: "BadRequest", Parameter: "include_events", In: "query",
		Message: "Invalid parameter value for 'include_events'. Should be one of NONE, APPLIED, AFTER_RESTART, ALL",
	}
	if c.compat() == CompatCore14 {
		e.Status, e.Reason = http.StatusNotFound, "InvalidParameter"
	}
	return e
}

// unsupportedSender is the answer to a message that is not the user's.
func (c *call) unsupportedSender(message string) error {
	if c.compat() == CompatCore14 {
		return &apiError{Status: http.StatusInternalServerError, Reason: "NotSupported", Message: message, Parameter: "sender", In: "body"}
	}
	return badBody("sender", message)
}

// oldVerbosity is what a dump of a tracker lists when include_events does not say: older clients say it with events and
// ignore_restarts.
func (c *call) oldVerbosity() dialogue.Verbosity {
	switch {
	case !c.flag("events", true):
		return dialogue.EventsNone
	case c.flag("ignore_restarts", c.compat() == CompatCore8):
		return dialogue.EventsAll
	}
	return dialogue.EventsAfterRestart
}

// coreStatus is /status of Rasa Core 0.14.
func (c *call) coreStatus(m *model.Model) error {
	var fingerprint any
	if m != nil {
		fingerprint = m.ID
	}
	return c.json(dialogue.AppendJSON(nil, map[string]any{"model_fingerprint": fingerprint, "is_ready": m != nil}))
}

// nluStatus is /status of the NLU server: its one project.
func (c *call) nluStatus(m *model.Model) error {
	models := []any{}
	if m != nil {
		models = append(models, modelName(m))
	}
	state := "ready"
	if c.w.training.Load() > 0 {
		state = "training"
	}
	return c.json(dialogue.AppendJSON(nil, map[string]any{"available_projects": map[string]any{
		"default": map[string]any{"status": state, "available_models": models, "loaded_models": models},
	}}))
}

// modelName is a model's archive without its ending.
func modelName(m *model.Model) string {
	name := filepath.Base(m.File)
	for range 2 { // .tar.gz
		name = name[:len(name)-len(filepath.Ext(name))]
	}
	return name
}
