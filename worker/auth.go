package worker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"parley/logging"
)

// authorize decides whether a request may go on: by the token, else by the JWT and its role, else only if neither is configured.
func (w *Worker) authorize(c *call) error {
	err := w.admit(c)
	if err != nil {
		w.audit(c.visitor(), auditAuth, logging.AuditRefused, slog.String("route", c.route.template))
	}
	switch {
	case err == nil:
	case errors.Is(err, errNotAuthorized):
		w.cfg.Metrics.RequestRejected("forbidden")
	default:
		w.cfg.Metrics.RequestRejected("auth")
	}
	return err
}

func (w *Worker) admit(c *call) error {
	if t := w.cfg.AuthToken; t != nil && t.Reveal() != "" &&
		(sameSecret(c.query("token"), t.Reveal()) || sameSecret(string(c.Context().Request.Header.Peek(tokenHeader)), t.Reveal())) {
		c.who = "token"
		return nil
	}
	if w.jwt != nil {
		user, err := w.jwt.user(bearer(c))
		if err != nil {
			w.log.Debug("a JWT was refused", "error", err)
			return errUnknownUser
		}
		c.user = user
		return user.may(c.id, strings.HasPrefix(c.route.template, conversationPrefix))
	}
	if w.cfg.AuthToken == nil {
		c.who = "anonymous"
		return nil
	}
	return errUnknownUser
}

// tokenHeader carries the token where the query, which the reference takes it from, would leave it in the logs of proxies.
const tokenHeader = "X-Api-Token" //nolint:gosec // the name of it

// sameSecret compares in a time that tells neither where two texts differ nor how long they are.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer is the token of the Authorization header: exactly "Bearer", one space, the token.
func bearer(c *call) string {
	token, ok := strings.CutPrefix(string(c.Context().Request.Header.Peek("Authorization")), "Bearer ")
	if !ok || strings.Contains(token, " ") {
		return ""
	}
	return token
}

// user is what a JWT says of who asks.
type user struct {
	name, role string
	named      bool // there is a name, be it empty
}

// may applies the role: an admin may do all, a user may do what concerns the conversation of the same name.
func (u user) may(id string, conversation bool) error {
	if u.role == "admin" || u.role == "user" && conversation && u.named && u.name == id {
		return nil
	}
	return errNotAuthorized
}

// issueToken is POST /auth: tokens come from elsewhere.
func issueToken(_ context.Context, c *call) error {
	return c.reply(http.StatusUnauthorized, typeJSON, []byte(`{"reasons":["Direct JWT authentication not supported. `+
		`You should already have a valid JWT from an authentication provider, the server just makes sure that the token is `+
		`valid, but does not issue new tokens."],"exception":"AuthenticationFailed"}`))
}

// verifyToken is GET /auth/verify.
func (w *Worker) verifyToken(_ context.Context, c *call) error {
	if c.Context().Request.Header.Peek("Authorization") == nil {
		return c.reply(http.StatusUnauthorized, typeJSON,
			[]byte(`{"reasons":["Authorization header not present."],"exception":"MissingAuthorizationHeader"}`))
	}
	if _, err := w.jwt.user(bearer(c)); err != nil {
		reason := "Auth required."
		if isExpired(err) {
			reason = "Signature has expired."
		}
		return c.reply(http.StatusUnauthorized, typeJSON, []byte(`{"valid":false,"reasons":["`+reason+`"],"exception":"InvalidToken"}`))
	}
	return c.json([]byte(`{"valid":true}`))
}

// whoAmI is GET /auth/me, which nothing stands behind.
func (w *Worker) whoAmI(_ context.Context, c *call) error {
	if _, err := w.jwt.user(bearer(c)); err != nil {
		reason := "Auth required."
		if len(c.Context().Request.Header.Peek("Authorization")) == 0 {
			reason = "Authorization header not present."
		}
		return c.reply(http.StatusUnauthorized, typeJSON, []byte(`{"reasons":["`+reason+`"],"exception":"Unauthorized"}`))
	}
	return c.reply(http.StatusInternalServerError, typeJSON, []byte(`{"reasons":["/me endpoint has not been setup. Pass retrieve_user if you with to proceeed."],"exception":"MeEndpointNotSetup"}`)) //nolint:misspell // as the reference has it
}
