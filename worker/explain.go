package worker

import (
	"context"
	"strconv"

	"parley/agent"
	"parley/dialogue"
)

// maxExplained bounds the turns of one explanation.
const maxExplained = 100

// explain is GET /conversations/<id>/explain: why the actions of the last turns were chosen.
func (w *Worker) explain(ctx context.Context, c *call) error {
	turns := 1
	if v := c.query("turns"); v != "" {
		var err error
		if turns, err = strconv.Atoi(v); err != nil || turns < 1 || turns > maxExplained {
			return &apiError{
				Status: 400, Reason: "BadRequest", Parameter: "turns", In: "query",
				Message: "Invalid parameter value for 'turns'. It has to be a number of turns from 1 to " + strconv.Itoa(maxExplained) + ".",
			}
		}
	}
	if m := w.cfg.Bot.Model(); m != nil && m.Policies == nil {
		return errNoCore
	}
	decisions, err := w.cfg.Bot.Explain(ctx, c.sender(), turns)
	if err != nil {
		return err
	}
	b := dialogue.AppendString(append(make([]byte, 0, 2048), `{"sender_id":`...), c.sender())
	b = append(b, `,"decisions":[`...)
	for i := range decisions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendDecision(b, &decisions[i])
	}
	return c.json(append(b, "]}"...))
}

func appendDecision(b []byte, d *agent.Decision) []byte {
	b = append(b, `{"event":`...)
	if d.Event < 0 {
		b = append(b, `null,"timestamp":null`...)
	} else {
		b = strconv.AppendInt(b, int64(d.Event), 10)
		b = dialogue.AppendFloat(append(b, `,"timestamp":`...), d.Timestamp)
	}
	b = appendNullable(append(b, `,"action":`...), d.Action)
	b = strconv.AppendBool(append(b, `,"rejected":`...), d.Rejected)
	b = appendNullable(append(b, `,"policy":`...), d.Policy)
	b = append(b, `,"confidence":`...)
	if d.Confidence == nil {
		b = append(b, "null"...)
	} else {
		b = dialogue.AppendFloat(b, *d.Confidence)
	}
	b = dialogue.AppendString(append(b, `,"reason":`...), d.Reason)
	b = strconv.AppendBool(append(b, `,"agrees":`...), d.Agrees)
	b = append(b, `,"policies":[`...)
	for i := range d.Policies {
		if i > 0 {
			b = append(b, ',')
		}
		o := &d.Policies[i]
		b = appendNullable(append(b, `{"policy":`...), o.Policy)
		b = strconv.AppendInt(append(b, `,"priority":`...), int64(o.Priority), 10)
		b = appendNullable(append(b, `,"action":`...), o.Action)
		b = dialogue.AppendFloat(append(b, `,"confidence":`...), o.Confidence)
		b = strconv.AppendBool(append(b, `,"won":`...), o.Won)
		b = dialogue.AppendString(append(b, `,"reason":`...), o.Reason)
		b = append(b, `,"evidence":[`...)
		for j, text := range o.Evidence {
			if j > 0 {
				b = append(b, ',')
			}
			b = dialogue.AppendString(b, text)
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}"...)
}

// appendNullable appends a string, null for "".
func appendNullable(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return dialogue.AppendString(b, s)
}
