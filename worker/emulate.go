package worker

import (
	"net/http"
	"strings"

	"parley/dialogue"
)

// emulation finds how to write a parse result: as the reference does, or as another service would.
func emulation(mode string) (func([]byte, *dialogue.Parse) []byte, error) {
	switch strings.ToUpper(mode) {
	case "":
		return func(b []byte, p *dialogue.Parse) []byte { return p.AppendJSON(b) }, nil
	case "WIT":
		return appendWit, nil
	case "LUIS":
		return appendLuis, nil
	case "DIALOGFLOW":
		return appendDialogflow, nil
	}
	return nil, &apiError{
		Status: http.StatusBadRequest, Reason: "BadRequest", Parameter: "emulation_mode", In: "query",
		Message: "Invalid parameter value for 'emulation_mode'. Should be one of 'WIT', 'LUIS', 'DIALOGFLOW'.",
	}
}

func textOf(p *dialogue.Parse) string {
	if p.Text == nil {
		return ""
	}
	return *p.Text
}

func intentName(i dialogue.Intent) any {
	if i.Name == "" {
		return nil
	}
	return i.Name
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// span is the part of the text that an entity stands for.
func span(text []rune, e dialogue.Entity) string {
	if e.Start < 0 || e.End > len(text) || e.Start > e.End {
		return ""
	}
	return string(text[e.Start:e.End])
}

// roleOrName is how services name what an entity is there for.
func roleOrName(e dialogue.Entity) string {
	if e.Role != "" {
		return e.Role
	}
	return e.Entity
}

func entityConfidence(e dialogue.Entity) any {
	if e.Confidence == nil {
		return nil
	}
	return *e.Confidence
}

func appendWit(b []byte, p *dialogue.Parse) []byte {
	text := []rune(textOf(p))
	entities := map[string]any{}
	for _, e := range p.Entities {
		key := e.Entity + ":" + roleOrName(e)
		confidence := entityConfidence(e)
		if confidence == nil {
			confidence = 1.0
		}
		list, _ := entities[key].([]any)
		entities[key] = append(list, map[string]any{
			"confidence": confidence, "name": e.Entity, "value": e.Value, "body": span(text, e), "start": e.Start, "end": e.End,
			"role": roleOrName(e), "entities": []any{},
		})
	}
	intent := map[string]any{"name": intentName(p.Intent), "confidence": p.Intent.Confidence}
	return dialogue.AppendJSON(b, map[string]any{"text": string(text), "intents": []any{intent}, "entities": entities})
}

func appendLuis(b []byte, p *dialogue.Parse) []byte {
	text := textOf(p)
	instances, entities := map[string]any{}, map[string]any{"$instance": map[string]any{}}
	for _, e := range p.Entities { // of several of a kind the reference keeps the last (golden http-parse)
		key := roleOrName(e)
		entities[key] = []any{e.Value}
		instances[key] = []any{map[string]any{
			"role": orNull(e.Role), "type": e.Entity, "text": e.Value, "startIndex": e.Start, "length": e.End - e.Start,
			"score": entityConfidence(e), "modelType": orNull(e.Extractor),
		}}
	}
	entities["$instance"] = instances
	intents := map[string]any{}
	ranking := p.Ranking
	if len(ranking) == 0 {
		ranking = []dialogue.Intent{p.Intent}
	}
	for _, i := range ranking {
		name := i.Name
		if name == "" {
			name = "null"
		}
		intents[name] = map[string]any{"score": i.Confidence}
	}
	return dialogue.AppendJSON(b, map[string]any{"query": text, "prediction": map[string]any{
		"normalizedQuery": text, "topIntent": intentName(p.Intent), "intents": intents, "entities": entities,
	}})
}

func appendDialogflow(b []byte, p *dialogue.Parse) []byte {
	parameters := map[string]any{}
	for _, e := range p.Entities {
		values, _ := parameters[e.Entity].([]any)
		parameters[e.Entity] = append(values, e.Value)
	}
	name := intentName(p.Intent)
	return dialogue.AppendJSON(b, map[string]any{"responseId": newUUID(), "queryResult": map[string]any{
		"queryText": textOf(p), "action": name, "parameters": parameters, "fulfillmentText": "", "fulfillmentMessages": []any{},
		"outputContexts": []any{}, "intent": map[string]any{"name": name, "displayName": name},
		"intentDetectionConfidence": p.Intent.Confidence,
	}})
}
