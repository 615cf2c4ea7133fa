package worker

import (
	"bytes"
	"context"
	_ "embed" // the schemas and the page
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The description of the API is made from the routes that are served: what an endpoint asks for and may answer by the rules of
// every request (authentication, a model, limits) is added here, the rest stands in openapi_operations.go.

//go:embed openapi_schemas.json
var openapiSchemas []byte

//go:embed openapi_page.html
var openapiPage []byte

// described is an operation in a description of the API.
type described map[string]any

// describe writes the OpenAPI 3.1 document of the routes of a worker.
func (w *Worker) describe() ([]byte, error) {
	var schemas map[string]any
	if err := json.Unmarshal(openapiSchemas, &schemas); err != nil {
		return nil, fmt.Errorf("read the schemas: %w", err)
	}
	paths := map[string]described{}
	for _, r := range w.routes.all() {
		path := openapiPath(r.template)
		item := described{}
		if strings.Contains(path, "{id}") {
			item["parameters"] = []any{described{
				"name": "id", "in": "path", "required": true, "description": "The conversation.", "schema": described{"type": "string", "minLength": 1},
			}}
		}
		for i := range r.endpoints {
			if e := &r.endpoints[i]; e.in(w.cfg.Compat.profile()) {
				item[strings.ToLower(e.method)] = w.describeEndpoint(r, e)
			}
		}
		paths[path] = item
	}
	doc := described{
		"openapi": "3.1.0",
		"info": described{
			"title": "Parley", "version": Compatible,
			"description": "The HTTP API of Rasa Open Source " + Compatible + ", what older generations had, and what is new. Ids in paths are percent-encoded.",
			"license":     described{"name": "Apache 2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []any{described{"url": "/"}},
		"paths":      paths,
		"components": described{"schemas": schemas},
	}
	if schemes := w.securitySchemes(); len(schemes) > 0 {
		doc["components"] = described{"schemas": schemas, "securitySchemes": schemes}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("write the description of the API: %w", err)
	}
	return b.Bytes(), nil
}

// openapiPath is a template with its parameter in braces.
func openapiPath(template string) string { return strings.ReplaceAll(template, ":id", "{id}") }

func (w *Worker) securitySchemes() described {
	schemes := described{}
	if w.cfg.AuthToken != nil {
		schemes["token"] = described{"type": "apiKey", "in": "query", "name": "token"}
		schemes["tokenHeader"] = described{"type": "apiKey", "in": "header", "name": tokenHeader}
	}
	if w.jwt != nil {
		schemes["jwt"] = described{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
	}
	return schemes
}

// describeEndpoint writes one operation.
func (w *Worker) describeEndpoint(r *route, e *endpoint) described {
	o := operationOf(e.method, r.template)
	out := described{
		"operationId": operationID(e.method, r.template), "summary": o.summary, "tags": []string{o.group}, "responses": w.responses(e, &o),
	}
	if o.text != "" {
		out["description"] = o.text
	}
	if e.old {
		out["deprecated"] = true
	}
	var parameters []any
	for _, name := range o.query {
		p := described{"name": strings.TrimSuffix(name, "!"), "in": "query", "required": strings.HasSuffix(name, "!")}
		maps.Copy(p, parameterOf[strings.TrimSuffix(name, "!")])
		parameters = append(parameters, p)
	}
	if parameters != nil {
		out["parameters"] = parameters
	}
	if len(o.bodies) > 0 {
		content := described{}
		for _, b := range o.bodies {
			media, schema, _ := strings.Cut(b, " ")
			content[media] = described{"schema": reference(schema)}
		}
		out["requestBody"] = described{"required": !o.optional, "content": content}
	}
	if !e.public {
		var either []any // one of them is enough
		for _, name := range slices.Sorted(maps.Keys(w.securitySchemes())) {
			either = append(either, described{name: []string{}})
		}
		if either != nil {
			out["security"] = either
		}
	}
	return out
}

func reference(schema string) described {
	return described{"$ref": "#/components/schemas/" + schema}
}

// responses lists what an operation answers: what is its own, and what any request may get.
func (w *Worker) responses(e *endpoint, o *operation) described {
	out := described{}
	for _, answer := range o.answers {
		status, content, _ := strings.Cut(answer, " ")
		n, _ := strconv.Atoi(status)
		r := described{"description": http.StatusText(n)}
		if words := strings.Fields(content); len(words) > 1 {
			medias := described{}
			for i := 0; i < len(words); i += 2 {
				medias[words[i]] = described{"schema": reference(words[i+1])}
			}
			r["content"] = medias
		}
		if n == http.StatusOK && o.archive {
			r["headers"] = described{"filename": described{"description": "The name of the model.", "schema": described{"type": "string"}}}
		}
		out[status] = r
	}
	statuses := append([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable}, o.errors...)
	if e.failure != "" {
		statuses = append(statuses, http.StatusInternalServerError)
	}
	if !e.public && (w.cfg.AuthToken != nil || w.jwt != nil) {
		statuses = append(statuses, http.StatusUnauthorized)
		if w.jwt != nil {
			statuses = append(statuses, http.StatusForbidden)
		}
	}
	if e.model || e.failure == "ConversationError" { // turns may also conflict, and find too many in line
		statuses = append(statuses, http.StatusConflict, http.StatusTooManyRequests)
	}
	if e.exists || e.absent != nil {
		statuses = append(statuses, http.StatusNotFound)
	}
	if o.repeats {
		statuses = append(statuses, http.StatusUnprocessableEntity)
	}
	if w.rate != nil {
		statuses = append(statuses, http.StatusTooManyRequests)
	}
	for _, n := range statuses {
		status := strconv.Itoa(n)
		if out[status] == nil {
			out[status] = described{
				"description": http.StatusText(n), "content": described{typeJSON: described{"schema": reference("Error")}},
			}
		}
	}
	return out
}

// operationID is a name for programs: getConversationsIdTracker.
func operationID(method, template string) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(method))
	for word := range strings.FieldsFuncSeq(template, func(r rune) bool { return r == '/' || r == '_' || r == ':' || r == '.' }) {
		b.WriteString(capital(word))
	}
	return b.String()
}

// openapi is GET /openapi.json.
func (w *Worker) openapi(_ context.Context, c *call) error {
	c.Set("Cache-Control", "no-cache")
	return c.json(w.description)
}

// docs is GET /docs: a page that shows the description. It needs nothing from elsewhere.
func (w *Worker) docs(_ context.Context, c *call) error {
	c.Set("Cache-Control", "no-cache")
	c.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'")
	return c.reply(http.StatusOK, "text/html; charset=utf-8", openapiPage)
}
