package worker

import (
	"context"
	"errors"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/trackerstore"
)

// apiError is an error of the API: JSON with the seven keys that clients of the reference know.
type apiError struct {
	Status          int
	Reason, Message string
	// Parameter and In say what was wrong with the request; In empty: details are {}.
	Parameter, In string
	Help          string // a path of the reference's documentation; "": null
	RetryAfter    string // "": no such header
	Close         bool   // the connection is not to be used again
	Old           bool   // a route of an older generation: the message is repeated as "error"
}

// Error is the message.
func (e *apiError) Error() string { return e.Reason + ": " + e.Message }

// frameworkError is an error outside the API: an unknown route, a body that is no JSON, a limit.
type frameworkError struct {
	Status  int
	Message string
}

// Error is the message.
func (e *frameworkError) Error() string { return e.Message }

const (
	helpRoot       = "https://rasa.com/docs/rasa"
	helpConfigure  = "/user-guide/configuring-http-api/"
	helpSecurity   = "/user-guide/configuring-http-api/#security-considerations"
	helpPages      = "/pages/http-api"
	helpDataFormat = "/training-data-format"
)

// Errors that handlers and checks share.
var (
	errBadJSON        = &frameworkError{Status: http.StatusBadRequest, Message: "Failed when parsing body as json"}
	errNotAuthorized  = &apiError{Status: http.StatusForbidden, Reason: "NotAuthorized", Message: "User has insufficient permissions.", Help: helpSecurity}
	errUnknownUser    = &apiError{Status: http.StatusUnauthorized, Reason: "NotAuthenticated", Message: "User is not authenticated.", Help: helpSecurity}
	errNoModel        = &apiError{Status: http.StatusConflict, Reason: "Conflict", Message: "No agent loaded. To continue processing, a model of a trained agent needs to be loaded.", Help: helpConfigure}
	errNoConversation = &apiError{Status: http.StatusNotFound, Reason: "Not found", Message: "Conversation ID not found."}
	errDraining       = &apiError{Status: http.StatusServiceUnavailable, Reason: "Draining", Message: "The server is shutting down.", RetryAfter: "0", Close: true}
)

// badBody is a 400 about the body; a parameter names the key that is wrong.
func badBody(parameter, message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Reason: "BadRequest", Message: message, Parameter: parameter, In: "body"}
}

// badRequest is a 400 about the request as a whole.
func badRequest(message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Reason: "BadRequest", Message: message}
}

// missing says that the server was made without a feature.
func missing(feature string) *apiError {
	return &apiError{Status: http.StatusNotImplemented, Reason: "NotImplemented", Message: "This server was started without " + feature + "."}
}

// statusClientGone is what nginx logs for a client that closed its connection before it was answered. Nobody reads it but metrics and
// access logs.
const statusClientGone = 499

// storeErrors says what the client learns of an error of the store.
var storeErrors = []struct {
	err  error
	then apiError
}{
	{trackerstore.ErrTooManyPending, apiError{Status: http.StatusTooManyRequests, Reason: "TooManyPending", RetryAfter: "1"}},
	{trackerstore.ErrLockTimeout, apiError{Status: http.StatusServiceUnavailable, Reason: "LockTimeout", RetryAfter: "1"}},
	{trackerstore.ErrClientGone, apiError{Status: statusClientGone, Reason: "ClientGone"}},
	{trackerstore.ErrConflict, apiError{Status: http.StatusConflict, Reason: "ConversationConflict"}},
	{trackerstore.ErrLeaseLost, apiError{Status: http.StatusConflict, Reason: "ConversationConflict"}},
	{trackerstore.ErrKeyReused, apiError{Status: http.StatusUnprocessableEntity, Reason: "IdempotencyKeyReused"}},
	{trackerstore.ErrTooLarge, apiError{Status: http.StatusRequestEntityTooLarge, Reason: "EventTooLarge"}},
	{trackerstore.ErrUnknownOutcome, apiError{Status: http.StatusServiceUnavailable, Reason: "OutcomeUnknown"}},
	{trackerstore.ErrUnavailable, apiError{Status: http.StatusServiceUnavailable, Reason: "StoreUnavailable", RetryAfter: "1"}},
	{trackerstore.ErrDraining, *errDraining},
}

// stateError finds what an error of the store, or of time, means to the client; nil: it is neither.
func stateError(err error) error {
	for _, s := range storeErrors {
		if errors.Is(err, s.err) {
			e := s.then
			if e.Message == "" {
				e.Message = capital(s.err.Error()) + "."
			}
			return &e
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &frameworkError{Status: http.StatusServiceUnavailable, Message: "Response Timeout"}
	case errors.Is(err, context.Canceled): // only the end of draining cancels a request
		return errDraining
	}
	return nil
}

// mistake is an error of the client that the reference answers as if it were its own, with 500.
type mistake struct{ error }

// Unwrap returns what is wrong.
func (m mistake) Unwrap() error { return m.error }

func isMistake(err error) bool {
	_, marked := errors.AsType[mistake](err)
	_, event := errors.AsType[eventError](err)
	return marked || event || errors.Is(err, agent.ErrUnknownAction) || errors.Is(err, agent.ErrBadEntities) || errors.Is(err, agent.ErrUnknownLoop) || errors.Is(err, ErrUnusable)
}

// statusOf turns any error into the one that the client sees. It is the only place that does. Unexpected ones get the route's
// failure as their reason and are to be logged; mistakes of the client get it too, or 400 if strict.
func statusOf(err error, failure string, strict bool) (unexpected bool, answer error) {
	var api *apiError
	var framework *frameworkError
	switch {
	case errors.As(err, &api) && strict && api.Status == http.StatusInternalServerError: // said on purpose: a mistake of the client
		e := *api
		e.Status = http.StatusBadRequest
		return false, &e
	case errors.As(err, &api):
		return false, api
	case errors.As(err, &framework):
		return false, framework
	}
	if e := stateError(err); e != nil {
		return false, e
	}
	switch {
	case errors.Is(err, agent.ErrNoModel):
		return false, errNoModel
	case errors.Is(err, agent.ErrNoConversation), errors.Is(err, trackerstore.ErrNotFound):
		return false, errNoConversation
	case errors.Is(err, agent.ErrUnknownIntent):
		return false, &apiError{Status: http.StatusNotFound, Reason: "NotFound", Message: capital(err.Error()) + "."}
	case errors.Is(err, channel.ErrBadJSON):
		return false, errBadJSON
	case errors.Is(err, channel.ErrBadPayload):
		return false, &frameworkError{Status: http.StatusBadRequest, Message: capital(err.Error()) + "."}
	case errors.Is(err, channel.ErrBadMessage) && !strict:
		return false, &frameworkError{Status: http.StatusInternalServerError, Message: capital(err.Error()) + "."}
	case errors.Is(err, channel.ErrBadMessage):
		return false, &frameworkError{Status: http.StatusBadRequest, Message: capital(err.Error()) + "."}
	case strict && errors.Is(err, agent.ErrUnknownLoop): // what is stored and the model do not fit
		return false, &apiError{Status: http.StatusConflict, Reason: "Conflict", Message: capital(err.Error()) + "."}
	case strict && isMistake(err):
		return false, badRequest(capital(err.Error()) + ".")
	case failure == "":
		return true, &frameworkError{
			Status:  http.StatusInternalServerError,
			Message: "The server encountered an internal error and cannot complete your request.",
		}
	}
	return !isMistake(err), &apiError{
		Status: http.StatusInternalServerError, Reason: failure, Message: "An unexpected error occurred. Error: " + err.Error(),
	}
}

// fail answers a request with an error.
func (w *Worker) fail(c *call, err error) {
	unexpected, answer := statusOf(err, c.failure, w.cfg.StrictStatus)
	if unexpected {
		w.log.Error("a request failed", "method", c.Method(), "sender_id", c.id, "request_id", c.request.ID(), "reason", c.failure, "error", err)
	}
	if api, ok := errors.AsType[*apiError](answer); ok && c.old && !api.Old {
		e := *api
		e.Old = true
		answer = &e
	}
	if errors.Is(err, trackerstore.ErrUnknownOutcome) {
		if key := c.key(); key != "" { // to ask again with
			c.Set(headerKey, key)
		}
	}
	w.write(c.Context(), answer)
}

// write answers with an error in its shape.
func (w *Worker) write(ctx *fasthttp.RequestCtx, answer error) {
	if api, ok := errors.AsType[*apiError](answer); ok {
		w.writeAPI(ctx, api)
		return
	}
	if framework, ok := errors.AsType[*frameworkError](answer); ok {
		w.writeFramework(ctx, framework)
	}
}

// writeAPI writes an error in the shape of the API.
func (w *Worker) writeAPI(ctx *fasthttp.RequestCtx, e *apiError) {
	ctx.Response.ResetBody()
	ctx.Response.SetStatusCode(e.Status)
	ctx.Response.Header.SetContentType(typeJSON)
	if e.RetryAfter != "" {
		ctx.Response.Header.Set("Retry-After", e.RetryAfter)
	}
	if e.Close {
		ctx.SetConnectionClose()
	}
	ctx.Response.SetBodyRaw(appendAPIError(nil, e))
}

func appendAPIError(b []byte, e *apiError) []byte {
	b = append(b, `{"version":"`+Compatible+`","status":"failure","message":`...)
	b = dialogue.AppendJSON(b, e.Message)
	b = append(b, `,"reason":`...)
	b = dialogue.AppendJSON(b, e.Reason)
	b = append(b, `,"details":{`...)
	if e.In != "" {
		b = append(b, `"parameter":`...)
		b = dialogue.AppendJSON(b, e.Parameter)
		b = append(b, `,"in":`...)
		b = dialogue.AppendJSON(b, e.In)
	}
	b = append(b, `},"help":`...)
	if e.Help != "" {
		b = dialogue.AppendJSON(b, helpRoot+e.Help)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"code":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	if e.Old {
		b = dialogue.AppendString(append(b, `,"error":`...), e.Message)
	}
	return append(b, '}')
}

// writeFramework writes an error outside the API: as JSON, or as a page for those who like HTML best.
func (w *Worker) writeFramework(ctx *fasthttp.RequestCtx, e *frameworkError) {
	ctx.Response.ResetBody()
	ctx.Response.SetStatusCode(e.Status)
	description := http.StatusText(e.Status)
	if first, _, _ := strings.Cut(string(ctx.Request.Header.Peek("Accept")), ","); mediaType(first) == "text/html" {
		ctx.Response.Header.SetContentType("text/html; charset=utf-8")
		title := strconv.Itoa(e.Status) + " — " + html.EscapeString(description)
		ctx.Response.SetBodyString("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + title + "</title><h1>" +
			title + "</h1><p>" + html.EscapeString(e.Message) + "</p></html>\n")
		return
	}
	ctx.Response.Header.SetContentType(typeJSON)
	b := append([]byte(nil), `{"description":`...)
	b = dialogue.AppendJSON(b, description)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, `,"message":`...)
	b = dialogue.AppendJSON(b, e.Message)
	ctx.Response.SetBodyRaw(append(b, '}'))
}

// mediaType is a media type without its parameters, in lower case.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
