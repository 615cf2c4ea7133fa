package worker

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/trackerstore"
)

// health is GET /webhooks/<channel>/.
func health(_ context.Context, c *call) error { return c.json([]byte(`{"status":"ok"}`)) }

// webhook serves one path of a channel.
func (w *Worker) webhook(ch channel.Channel, path string) handler {
	route := "/webhooks/" + ch.Prefix() + "/" + path
	_, elsewhere := ch.(channel.Outbound)
	return func(ctx context.Context, c *call) error {
		handle, a := w.sending(ch), &asked{w: w, route: route}
		if !elsewhere { // the answer is all that the client gets: it can be given again
			a.key, a.body = c.key(), c.body()
			if c.query("stream") != "" {
				a.body, a.status = slices.Clone(a.body), make(chan error, 1)
			}
			handle = a.turn
		}
		request := channel.Request{Method: c.Method(), Path: path, Body: c.body(), Query: c.query}
		reply, err := ch.Serve(ctx, request, handle)
		w.measureReceived(ch, err)
		if err != nil {
			if r, ok := errors.AsType[*trackerstore.Repeated](err); ok {
				return c.replay(r, reply.ContentType, r.Reply)
			}
			if e := stateError(err); e != nil || reply.Status == 0 {
				return errors.Join(err, e)
			}
			w.logTurn(ch, err) // the reply stands all the same
		}
		if reply.Stream != nil {
			return c.stream(ch, a, reply) //nolint:contextcheck // a stream outlives its handler, not Run
		}
		return c.reply(reply.Status, reply.ContentType, reply.Body)
	}
}

// turn hands a message to the bot.
func (w *Worker) turn(ctx context.Context, msg dialogue.UserMessage, send func(dialogue.BotMessage) error) error {
	return w.cfg.Bot.Handle(ctx, msg, agent.Send(send))
}

// sending is turn for a channel that posts its messages elsewhere: each is measured.
func (w *Worker) sending(ch channel.Channel) channel.Handler {
	return func(ctx context.Context, msg dialogue.UserMessage, send func(dialogue.BotMessage) error) error {
		return w.turn(ctx, msg, func(m dialogue.BotMessage) error {
			begun, result := time.Now(), "ok"
			err := send(m)
			if err != nil {
				result = "failed"
			}
			w.cfg.Metrics.MessageSent(ch.Name(), result, time.Since(begun))
			if ch.Name() == "callback" {
				w.cfg.Metrics.CalledBack(result)
			}
			return err
		})
	}
}

// measureReceived counts a message that came in by a channel, by what became of it at the door.
func (w *Worker) measureReceived(ch channel.Channel, err error) {
	if err == nil {
		w.cfg.Metrics.MessageReceived(ch.Name(), "accepted")
		return
	}
	_, again := errors.AsType[*trackerstore.Repeated](err)
	switch {
	case again:
		w.cfg.Metrics.MessageReceived(ch.Name(), "duplicate")
	case errors.Is(err, channel.ErrBadMessage), errors.Is(err, channel.ErrBadJSON), errors.Is(err, channel.ErrBadPayload):
		w.cfg.Metrics.MessageReceived(ch.Name(), "malformed")
	case errors.Is(err, agent.ErrNoModel):
		w.cfg.Metrics.MessageReceived(ch.Name(), "ignored")
	default:
		w.cfg.Metrics.MessageReceived(ch.Name(), "accepted")
	}
}

// logTurn notes why a turn failed whose client is told nothing of it.
func (w *Worker) logTurn(ch channel.Channel, err error) {
	_, again := errors.AsType[*trackerstore.Repeated](err)
	switch {
	case again:
		w.log.Debug("a request was answered before", "channel", ch.Name())
	case errors.Is(err, trackerstore.ErrClientGone):
		w.log.Debug("a client left while its message stood in line", "channel", ch.Name())
	case errors.Is(err, channel.ErrBadMessage):
		w.log.Debug("a message was refused", "channel", ch.Name(), "error", err)
	case errors.Is(err, agent.ErrNoModel):
		w.log.Warn("a message was ignored: no model is loaded", "channel", ch.Name())
	default:
		w.log.Error("a turn failed", "channel", ch.Name(), "error", err)
	}
}

// stream answers piece by piece. The turn runs while the response is written, on the server's stream goroutine; the end of
// the turn is the end of the response, whatever happens in it. Only the answer to a request that has a key of its own waits for the
// first piece: until then it may turn out that it was answered before.
func (c *call) stream(ch channel.Channel, a *asked, reply channel.Reply) error {
	res := &c.Context().Response
	w, base := c.w, c.base // the call itself ends with its handler
	w.inFlight.Add(1)
	c.Context().SetBodyStreamWriter(func(bw *bufio.Writer) {
		defer w.inFlight.Add(-1)
		defer a.settle(nil)
		defer func() {
			if p := recover(); p != nil {
				_ = w.caught("a request panicked", p) // the status is sent already
			}
		}()
		ctx, cancel := context.WithTimeout(base, w.cfg.ResponseTimeout)
		defer cancel()
		err := reply.Stream(ctx, flusher{bw, a})
		if _, again := errors.AsType[*trackerstore.Repeated](err); again || stateError(err) != nil {
			a.settle(err)
		}
		if err != nil {
			w.logTurn(ch, err)
		}
	})
	if a.status != nil {
		if err := <-a.status; err != nil { // nothing was written
			res.ResetBody()
			if r, ok := errors.AsType[*trackerstore.Repeated](err); ok {
				return c.replay(r, reply.ContentType, linesOf(r.Reply))
			}
			return errors.Join(err, stateError(err))
		}
	}
	res.SetStatusCode(reply.Status)
	res.Header.SetContentType(reply.ContentType)
	res.Header.Set("Cache-Control", "no-cache")
	res.Header.Set("X-Accel-Buffering", "no")
	res.ImmediateHeaderFlush = true
	return nil
}

// flusher sends every write at once.
type flusher struct {
	*bufio.Writer
	asked *asked
}

// Write implements io.Writer.
func (f flusher) Write(p []byte) (int, error) {
	f.asked.settle(nil)
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.Flush()
	}
	return n, err
}

// outlet is where the bot's messages go when no webhook waits for them. It remembers what could not be sent: the turn is
// stored by then, but the caller has to know.
type outlet struct {
	channel.Output
	err error
}

func (o *outlet) send(ctx context.Context) agent.Send {
	return func(m dialogue.BotMessage) error {
		err := channel.Dispatch(ctx, o.Output, m)
		if o.err == nil {
			o.err = err
		}
		return err
	}
}

// output finds the outlet of ?output_channel=: a connector that can speak on its own, else the response.
func (w *Worker) output(ctx context.Context, c *call) (*outlet, error) {
	name := c.query("output_channel")
	if name == "latest" {
		t, err := w.cfg.Bot.Tracker(ctx, c.sender())
		if err != nil {
			return nil, err
		}
		name = t.LatestInputChannel()
	}
	if ch, ok := w.outputs[name].(channel.Outbound); ok {
		return &outlet{Output: ch.Outbound()}, nil
	}
	return &outlet{Output: channel.NewCollector()}, nil
}

// hello is GET /.
func (w *Worker) hello(_ context.Context, c *call) error {
	if old := c.compat().banner(); old != "" {
		return c.reply(http.StatusOK, typeText, []byte(old+Compatible))
	}
	return c.reply(http.StatusOK, typeText, []byte("Hello from Parley: "+w.cfg.Version))
}
