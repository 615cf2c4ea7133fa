package trackerstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"

	"parley/dialogue"
	"parley/lockstore"
)

// errRecord means that a record of Rasa cannot be read.
var errRecord = errors.New("the record that Rasa left is damaged")

// RasaRecords are the conversations that Rasa's own tracker store keeps in a Redis: one string for each, named
// "[prefix:]tracker:<sender id>", with all events as JSON.
type RasaRecords struct {
	rdb    redis.UniversalClient
	prefix string // of the names of all records
	where  string
}

// OpenRasaRecords returns the records on a server, under the key_prefix that Rasa had; "": it had none. It does not connect.
// Rasa takes no notice of a prefix with anything but letters and digits in it, so such a one is refused.
func OpenRasaRecords(server lockstore.RedisServer, prefix string) (*RasaRecords, error) {
	for _, c := range prefix {
		if !unicode.IsLetter(c) && !unicode.IsNumber(c) {
			return nil, fmt.Errorf("rasa records: the prefix %q is not made of letters and digits: Rasa takes no notice of such a "+
				"key_prefix, its records have none", prefix)
		}
	}
	rdb, err := server.Connect()
	if err != nil {
		return nil, fmt.Errorf("rasa records: %w", err)
	}
	if prefix != "" {
		prefix += ":"
	}
	return &RasaRecords{rdb: rdb, prefix: prefix + "tracker:", where: server.String()}, nil
}

// String says where the records are, without a password.
func (r *RasaRecords) String() string { return r.where + " " + r.prefix }

// Ping reports whether the server answers.
func (r *RasaRecords) Ping(ctx context.Context) error {
	if err := r.rdb.Ping(ctx).Err(); err != nil {
		return failed(ctx, "ping the store of Rasa", err)
	}
	return nil
}

// Close closes the connections.
func (r *RasaRecords) Close() error { return r.rdb.Close() }

// Record is a conversation as Rasa left it.
type Record struct {
	// Events are the events of all sessions.
	Events []dialogue.Event
	// JSON is the list of the events as it was found.
	JSON []byte
	// Life is how long the record would have been kept; 0: for ever.
	Life time.Duration
}

// Record returns the record of a conversation; ok is false if there is none. One that cannot be read is an error.
func (r *RasaRecords) Record(ctx context.Context, senderID string) (rec Record, ok bool, err error) {
	var value *redis.StringCmd
	var life *redis.DurationCmd
	_, _ = r.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each command tells its error
		value, life = p.Get(ctx, r.prefix+senderID), p.PTTL(ctx, r.prefix+senderID)
		return nil
	})
	switch err := value.Err(); {
	case errors.Is(err, redis.Nil):
		return Record{}, false, nil
	case err != nil && redis.HasErrorPrefix(err, "WRONGTYPE"):
		return Record{}, false, fmt.Errorf("%w: %q holds something else than a string", errRecord, r.prefix+senderID)
	case err != nil:
		return Record{}, false, failed(ctx, "look for a record of Rasa", err)
	case life.Err() != nil:
		return Record{}, false, failed(ctx, "look for a record of Rasa", life.Err())
	case life.Val() == -2: // it has expired in between
		return Record{}, false, nil
	}
	data, _ := value.Bytes()
	if rec, err = readRecord(data); err != nil {
		return Record{}, false, fmt.Errorf("%w: %q: %w", errRecord, r.prefix+senderID, err)
	}
	rec.Life = max(life.Val(), 0)
	return rec, true, nil
}

// readRecord reads what Rasa's tracker store writes: {"events": […], "name": "…"}. As there, the name does not matter.
func readRecord(data []byte) (Record, error) {
	if bytes.HasPrefix(data, []byte{0x80}) {
		return Record{}, errors.New("it was pickled by an old version of Rasa; let a version that can still read it (1.x) store it as JSON")
	}
	var dialog struct {
		Events json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(data, &dialog); err != nil {
		return Record{}, err
	}
	if len(dialog.Events) == 0 || string(dialog.Events) == "null" {
		return Record{}, errors.New("it has no events")
	}
	events, err := dialogue.DecodeStoredEvents(dialog.Events)
	if err != nil {
		return Record{}, err
	}
	return Record{Events: events, JSON: dialog.Events}, nil
}

// Remove removes the record of a conversation, if there is one.
func (r *RasaRecords) Remove(ctx context.Context, senderID string) error {
	n, err := r.rdb.Exists(ctx, r.prefix+senderID).Result() // so that a server that only reads will do while there is nothing
	if err == nil && n > 0 {
		err = r.rdb.Del(ctx, r.prefix+senderID).Err()
	}
	if err != nil {
		return failed(ctx, "remove a record of Rasa", err)
	}
	return nil
}
