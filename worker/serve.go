package worker

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"parley/dialogue"
	"parley/lockstore"
	"parley/logging"
)

// call is one request on its way through the server.
type call struct {
	*fiber.Ctx
	w       *Worker
	base    context.Context //nolint:containedctx // of Run: streams go on after their handler
	route   *route          // nil: no route takes the path
	id      string          // conversation id of the path
	failure string          // reason of unexpected errors
	old     bool            // a route of an older generation
	alive   bool            // a probe
	request *logging.Request
	who     string // "token", "anonymous", "unknown"; see user, too
	user    user   // of the JWT
}

// app makes the fiber application. Every request goes through one handler: fiber's router cannot match ids that hold slashes.
func (w *Worker) app(base context.Context) *fiber.App {
	app := fiber.New(fiber.Config{
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true,
		BodyLimit:                    max(w.cfg.BodyLimit, w.cfg.ModelBodyLimit),
		ReadBufferSize:               2 * w.cfg.HeaderLimit, // so that a little too much is answered in our words
		ReadTimeout:                  w.cfg.ReadTimeout,
		WriteTimeout:                 w.cfg.ResponseTimeout,
		IdleTimeout:                  w.cfg.IdleTimeout,
		Concurrency:                  w.cfg.Connections,
		ErrorHandler:                 w.badRequest,
		CaseSensitive:                true,
		StrictRouting:                true,
	})
	app.Use(func(fc *fiber.Ctx) error {
		w.serve(base, fc)
		return nil
	})
	server, routed := app.Server(), app.Handler()
	server.HeaderReceived = w.bodyLimit
	server.CloseOnShutdown = true
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if refuse := w.checkHeader(&ctx.Request.Header); refuse != nil {
			w.writeFramework(ctx, refuse)
			ctx.SetConnectionClose()
			return
		}
		switch string(ctx.Method()) {
		case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch:
			routed(ctx)
		default: // fiber would say 400 to methods that it does not know
			w.unknownMethod(ctx)
		}
	}
	return app
}

// notFound and notAllowed are the answers when nothing takes a path, or a method of it.
func notFound(path []byte) error {
	return &frameworkError{Status: http.StatusNotFound, Message: "Requested URL " + string(path) + " not found"}
}

func notAllowed(ctx *fasthttp.RequestCtx, r *route, in profile, path []byte) error {
	ctx.Response.Header.Set("Allow", r.methods(in))
	return &frameworkError{
		Status:  http.StatusMethodNotAllowed,
		Message: "Method " + string(ctx.Method()) + " not allowed for URL " + string(path),
	}
}

func (w *Worker) unknownMethod(ctx *fasthttp.RequestCtx) {
	path := rawPath(ctx.Request.Header.RequestURI())
	if r, _ := w.routes.match(path); r != nil {
		if _, known := r.endpoint(string(ctx.Method()), w.cfg.Compat.profile()); known {
			w.write(ctx, notAllowed(ctx, r, w.cfg.Compat.profile(), path))
			return
		}
	}
	w.write(ctx, notFound(path))
}

// serve answers one request.
func (w *Worker) serve(base context.Context, fc *fiber.Ctx) {
	w.inFlight.Add(1)
	defer w.inFlight.Add(-1)
	ctx := fc.Context()
	path := rawPath(ctx.Request.Header.RequestURI())
	r, id := w.routes.match(path)
	request := logging.NewRequest(ctx.Request.Header.Peek(logging.RequestHeader))
	c := &call{Ctx: fc, w: w, base: logging.WithRequest(base, request), id: id, route: r, request: request, who: "unknown"}
	begun := time.Now()
	route := w.unmatched
	if r != nil {
		route = r.measured
	}
	measured := route.Begin()
	defer func() {
		if p := recover(); p != nil {
			w.writeFramework(ctx, w.caught("a request panicked", p))
		}
		if w.state.Load() >= leaving {
			ctx.SetConnectionClose()
		}
		size := -1
		if !ctx.Response.IsBodyStream() {
			size = len(ctx.Response.Body())
		}
		w.logAccess(c, time.Since(begun))
		measured.End(fc.Method(), ctx.Response.StatusCode(), len(ctx.Request.Body()), size)
	}()
	w.origins.apply(ctx)
	if fc.Method() == http.MethodOptions {
		return
	}
	if err := w.answer(c, path); err != nil { //nolint:contextcheck // fiber has no context: Run's is in the call
		w.fail(c, err)
	}
}

// answer finds the endpoint of a request, checks what it asks for in the reference's order and calls it.
func (w *Worker) answer(c *call, path []byte) error {
	state := w.state.Load()
	if c.route == nil {
		return notFound(path)
	}
	in := profileAny
	if c.route.varies {
		in = c.compat().profile()
	}
	e, known := c.route.endpoint(c.Method(), in)
	switch {
	case !known:
		return notFound(path)
	case e != nil && e.absent != nil && e.absent(c):
		return notFound(path)
	case e == nil:
		return notAllowed(c.Context(), c.route, in, path)
	}
	c.failure, c.old, c.alive = e.failure, e.old, e.alive
	if state == refusing && !e.alive {
		w.cfg.Metrics.RequestRejected("draining")
		return errDraining
	}
	if !e.alive {
		if err := w.limited(c.Context()); err != nil {
			return err
		}
	}
	if !e.public {
		if err := w.authorize(c); err != nil {
			return err
		}
	}
	if e.model && w.cfg.Bot.Model() == nil {
		return c.noModel()
	}
	conn := c.Context().Conn()
	c.base = lockstore.WithClient(c.base, func() bool { return gone(conn) })
	defer w.trace(c, e)()
	ctx, cancel := context.WithTimeout(c.base, w.cfg.ResponseTimeout)
	defer cancel()
	if e.exists {
		ok, err := w.cfg.Bot.Exists(ctx, c.id)
		if err != nil {
			return err
		}
		if !ok {
			return errNoConversation
		}
	}
	err := e.handle(ctx, c)
	if e.audit != "" {
		w.auditCall(c, e, err)
	}
	return err
}

// caught logs a panic and returns the error for the client, both under one id.
func (w *Worker) caught(what string, p any) *frameworkError {
	id := newID()
	w.cfg.Metrics.Panicked("http")
	w.log.Error(what, "error_id", id, "panic", p, "stack", string(debug.Stack())) //nolint:sloglint // one of two constants
	return &frameworkError{
		Status:  http.StatusInternalServerError,
		Message: "The server encountered an internal error and cannot complete your request. (error id " + id + ")",
	}
}

// newUUID returns a random UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// newID returns eight random bytes in hex.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// body is the raw body, borrowed until the handler returns.
func (c *call) body() []byte { return c.Context().Request.Body() }

// value reads the body as JSON, whatever its content type says. An empty body is null.
func (c *call) value() (any, error) {
	body := c.body()
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	v, err := dialogue.DecodeBody(body)
	if err != nil {
		return nil, errBadJSON
	}
	return v, nil
}

// object reads the body as a JSON object.
func (c *call) object() (map[string]any, error) {
	v, err := c.value()
	if err != nil {
		return nil, err
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, badBody("", "The request body has to be a JSON object.")
	}
	return o, nil
}

// reply answers with a status and a body, which it keeps.
func (c *call) reply(status int, contentType string, body []byte) error {
	res := &c.Context().Response
	res.SetStatusCode(status)
	res.Header.SetContentType(contentType)
	res.SetBodyRaw(body)
	return nil
}

// json answers 200 with a JSON body, which it keeps.
func (c *call) json(body []byte) error { return c.reply(http.StatusOK, typeJSON, body) }

// noContent answers 204.
func (c *call) noContent() error {
	c.Context().Response.SetStatusCode(http.StatusNoContent)
	return nil
}

const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// badRequest answers what never became a request: broken or too large.
func (w *Worker) badRequest(fc *fiber.Ctx, err error) error {
	status := http.StatusBadRequest
	if fe, ok := errors.AsType[*fiber.Error](err); ok {
		status = fe.Code
	}
	e := &frameworkError{Status: status}
	switch status {
	case http.StatusRequestEntityTooLarge:
		w.cfg.Metrics.RequestRejected("body")
		e.Message = "Request body exceeds the size limit"
	case http.StatusRequestHeaderFieldsTooLarge:
		w.cfg.Metrics.RequestRejected("header")
		e.Status, e.Message = http.StatusRequestEntityTooLarge, "Request header exceeds the size limit"
	case http.StatusRequestTimeout:
		w.cfg.Metrics.RequestRejected("timeout")
		e.Message = "Request Timeout"
	default:
		e.Status, e.Message = http.StatusBadRequest, "Bad Request"
	}
	w.writeFramework(fc.Context(), e)
	return nil
}
