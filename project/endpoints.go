package project

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"parley/action"
)

// defaultPullWait is the pause between two looks at a model server, in seconds.
const defaultPullWait = 100

// LoadEndpoints reads endpoints.yml; a missing file gives no endpoints. The error is Problems.
func LoadEndpoints(path string) (*Endpoints, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return &Endpoints{}, nil
	}
	r := newReader()
	e := r.endpoints(path)
	return e, r.err()
}

func (r *reader) endpoints(path string) *Endpoints {
	e := &Endpoints{}
	n := r.yaml(path)
	if n == nil {
		return e
	}
	if n.kind != kindMap {
		r.errorAt(n, classValidation, "schema", "write action_endpoint: and below it url: …", "the endpoints must be a mapping, not %s", n.describe())
		return e
	}
	e.Action = r.endpoint(n, "action_endpoint")
	e.NLG = r.endpoint(n, "nlg")
	e.NLU = r.endpoint(n, "nlu")
	e.TrackerStore = r.store(n, "tracker_store")
	e.LockStore = r.store(n, "lock_store")
	e.EventBroker = r.store(n, "event_broker")
	e.Models = r.modelServer(n)
	e.NLG = r.nlg(n, e.NLG)
	e.sections = n
	return e
}

// ShowEndpoints is endpoints.yml as plain values, in the form of the reference's recordings: the common keys of each section that is
// there, and all others below kwargs.
func ShowEndpoints(e *Endpoints) map[string]any {
	shown := map[string]any{}
	for key, name := range map[string]string{
		"action_endpoint": "action", "nlg": "nlg", "nlu": "nlu", "models": "model",
		"tracker_store": "tracker_store", "lock_store": "lock_store", "event_broker": "event_broker",
	} {
		n := e.sections.get(key)
		if n == nil || n.kind != kindMap {
			continue
		}
		section, rest := map[string]any{"token_name": "token"}, map[string]any{}
		for k, p := range n.pairs {
			switch k {
			case "url", "params", "headers", "basic_auth", "token", "token_name", "cafile", "type":
				section[k] = p.value.value()
			case "store_type":
				section["type"] = p.value.value()
			default:
				rest[k] = p.value.value()
			}
		}
		if len(rest) > 0 {
			section["kwargs"] = rest
		}
		shown[name] = section
	}
	return shown
}

// section is a mapping below the root; nil when it is absent, null or wrong.
func (r *reader) section(n *node, key string) *node {
	v := n.get(key)
	if v.isNull() {
		return nil
	}
	if v.kind != kindMap {
		r.errorAt(n.keyNode(key), classValidation, "schema", "write url: below it", "%s must be a mapping, not %s", key, v.describe())
		return nil
	}
	return v
}

// endpoint reads a service.
func (r *reader) endpoint(root *node, key string) *action.Endpoint {
	n := r.section(root, key)
	if n == nil {
		return nil
	}
	e := &action.Endpoint{
		URL: keyText(n, "url"), Token: keyText(n, "token"), TokenName: keyText(n, "token_name"),
		Headers: r.textMap(n, "headers"), Params: r.textMap(n, "params"), CAFile: keyText(n, "cafile"),
		EnableSelectiveDomain: n.get("enable_selective_domain").truthy(),
	}
	if e.TokenName == "" {
		e.TokenName = "token"
	}
	if auth := n.get("basic_auth"); !auth.isNull() {
		if auth.kind != kindMap {
			r.errorAt(auth, classValidation, "schema", "write username: and password: below it", "%s: basic_auth must be a mapping, not %s", key, auth.describe())
			return e
		}
		e.User, e.Password = keyText(auth, "username"), keyText(auth, "password")
	}
	return e
}

// textMap is a mapping of texts.
func (r *reader) textMap(n *node, key string) map[string]string {
	v := n.get(key)
	if v.isNull() {
		return nil
	}
	if v.kind != kindMap {
		r.errorAt(v, classValidation, "schema", "write name: value below it", "%s must be a mapping, not %s", key, v.describe())
		return nil
	}
	m := map[string]string{}
	for k, p := range v.pairs {
		m[k] = p.value.text()
	}
	return m
}

// nlg tells a remote service from the built-in responses: type response means the latter.
func (r *reader) nlg(root *node, e *action.Endpoint) *action.Endpoint {
	n := root.get("nlg")
	if e == nil {
		return nil
	}
	switch kind := keyText(n, "type"); kind {
	case "", "callback":
		return e
	case "response":
		return nil
	default:
		r.errorAt(n, classRasa, "unknown-type", "the types are callback and response", "nlg has the unknown type %q", kind)
		return nil
	}
}

// store reads the configuration of a store or broker: the type and all other keys.
func (r *reader) store(root *node, key string) *StoreConfig {
	n := r.section(root, key)
	if n == nil {
		return nil
	}
	c := &StoreConfig{Type: keyText(n, "type"), Options: map[string]any{}, File: n.src.name, Line: int(root.keyNode(key).line)}
	if c.Type == "" {
		c.Type = keyText(n, "store_type")
	}
	for k, p := range n.pairs {
		if k != "type" && k != "store_type" {
			c.Options[k] = p.value.value()
		}
	}
	return c
}

// modelServer reads where models come from; a pause of 0 means to look once.
func (r *reader) modelServer(root *node) *ModelServer {
	e := r.endpoint(root, "models")
	if e == nil {
		return nil
	}
	m := &ModelServer{Endpoint: *e, WaitTimeBetweenPulls: defaultPullWait}
	wait := root.get("models").get("wait_time_between_pulls")
	switch {
	case wait == nil:
	case wait.isNull():
		m.WaitTimeBetweenPulls = 0
	case wait.isText():
		v, err := strconv.Atoi(wait.str)
		if err != nil {
			r.errorAt(wait, classValidation, "schema", "", "wait_time_between_pulls must be a number of seconds, not %s", wait.describe())
		}
		m.WaitTimeBetweenPulls = v
	default:
		v, ok := wait.number()
		if !ok || v < 0 {
			r.errorAt(wait, classValidation, "schema", "", "wait_time_between_pulls must be a number of seconds, not %s", wait.describe())
		}
		m.WaitTimeBetweenPulls = int(v)
	}
	return m
}
