package project

import (
	"encoding/json"
)

// The JSON formats of training data.
const (
	formatRasa    = "rasa"
	formatWit     = "wit"
	formatLUIS    = "luis"
	formatUnknown = "unknown"
)

// sniffJSON tells the format of a JSON document by its root keys, in the reference's order; "" if it is no JSON.
func sniffJSON(data []byte) string {
	if !json.Valid(data) {
		return ""
	}
	var root map[string]json.RawMessage
	if err := json.Unmarshal(data, &root); err != nil {
		return formatUnknown
	}
	has := func(key string) bool { _, ok := root[key]; return ok }
	switch {
	case has("utterances") && !has("luis_schema_version"):
		return formatWit
	case has("luis_schema_version"):
		return formatLUIS
	case has("rasa_nlu_data"):
		return formatRasa
	}
	return formatUnknown
}

// readJSON reads training data in a JSON format.
func (t *training) readJSON(path string, data []byte, format string) {
	n, err := parseJSON(&source{name: path, size: len(data)}, data)
	if err != nil {
		t.report.add(*asProblem(err, path))
		return
	}
	switch format {
	default:
		t.errorAt(n, classValue, "unknown-format", "convert the file to YAML", "training data in the format %s cannot be read yet", format)
	}
}
