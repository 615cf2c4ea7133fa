package trackerstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/lockstore"
)

func bucketOf(senderID string) int { return lockstore.Bucket(senderID) }

// position is a place in the list of conversations: behind an id of a bucket, or at the bucket's beginning.
type position struct {
	bucket int
	behind bool
	id     string
}

func (p position) String() string {
	b := binary.BigEndian.AppendUint16(nil, uint16(p.bucket)) //nolint:gosec // below 1024
	if p.behind {
		b = append(append(b, '>'), p.id...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePosition(cursor string) (position, error) {
	if cursor == "" {
		return position{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 2 {
		return position{}, ErrBadCursor
	}
	p := position{bucket: int(binary.BigEndian.Uint16(b))}
	if len(b) > 2 {
		p.behind, p.id = true, string(b[3:])
	}
	if p.bucket >= lockstore.Buckets {
		return position{}, ErrBadCursor
	}
	return p, nil
}

// List pages through the conversation ids, bucket by bucket and in the order of their bytes within one.
func (r *Redis) List(ctx context.Context, cursor string, limit int) (ids []string, next string, err error) {
	begun := time.Now()
	defer r.opts.Observer.done("list", begun)
	if ctx.Err() != nil {
		return nil, "", fmt.Errorf("list conversations: %w", ended(ctx))
	}
	if limit <= 0 {
		return nil, "", fmt.Errorf("list conversations: limit is %d, must be positive", limit)
	}
	at, err := parsePosition(cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list conversations: %w", err)
	}
	for buckets := 1; at.bucket < lockstore.Buckets; buckets = min(2*buckets, 128) {
		pages, err := r.idsOf(ctx, at, buckets, limit+1-len(ids))
		if err != nil {
			return nil, "", err
		}
		for _, page := range pages {
			for _, id := range page {
				if len(ids) == limit {
					next = at.String()
					ids, err = r.stillStored(ctx, ids)
					return ids, next, err
				}
				ids = append(ids, id)
				at.behind, at.id = true, id
			}
			at = position{bucket: at.bucket + 1}
		}
	}
	ids, err = r.stillStored(ctx, ids)
	return ids, "", err
}

// idsOf fetches ids of a number of buckets, from a position on.
func (r *Redis) idsOf(ctx context.Context, at position, buckets, limit int) ([][]string, error) {
	buckets = min(buckets, lockstore.Buckets-at.bucket)
	replies := make([]*redis.StringSliceCmd, buckets)
	_, err := r.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range replies {
			from := "-"
			if i == 0 && at.behind {
				from = "(" + at.id
			}
			replies[i] = p.ZRangeByLex(ctx, r.keys.ids(at.bucket+i), &redis.ZRangeBy{Min: from, Max: "+", Count: int64(limit)})
		}
		return nil
	})
	if err != nil {
		return nil, failed(ctx, "list conversations", err)
	}
	pages := make([][]string, buckets)
	for i, reply := range replies {
		pages[i] = reply.Val()
	}
	return pages, nil
}

// stillStored leaves out the conversations that have expired.
func (r *Redis) stillStored(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return ids, nil
	}
	replies := make([]*redis.IntCmd, len(ids))
	_, err := r.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			replies[i] = p.Exists(ctx, r.keys.meta(id))
		}
		return nil
	})
	if err != nil {
		return nil, failed(ctx, "list conversations", err)
	}
	left := ids[:0]
	for i, id := range ids {
		if replies[i].Val() == 1 {
			left = append(left, id)
		}
	}
	return left, nil
}

// sweep takes expired conversations out of the list, once for all processes in each period, until ctx ends.
func (r *Redis) sweep(ctx context.Context) error {
	period := time.Hour
	if r.opts.RecordExp > 0 {
		period = min(max(r.opts.RecordExp/4, time.Second), time.Hour)
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		mine, err := r.rdb.SetNX(ctx, r.keys.sweep(), "1", period*9/10).Result()
		if err == nil && mine {
			err = r.sweepOnce(ctx)
		}
		if err != nil && ctx.Err() == nil {
			r.log.Warn("expired conversations could not be taken out of the list", "error", err)
		}
	}
}

func (r *Redis) sweepOnce(ctx context.Context) error {
	for bucket := range lockstore.Buckets {
		at := position{bucket: bucket}
		for {
			pages, err := r.idsOf(ctx, at, 1, 256)
			if err != nil {
				return err
			}
			for _, id := range pages[0] {
				if _, _, err := r.sweepScript.Run(ctx, r.rdb, []string{r.keys.meta(id), r.keys.ids(bucket)}, id); err != nil {
					return failed(ctx, "sweep", err)
				}
				at.behind, at.id = true, id
			}
			if len(pages[0]) < 256 {
				break
			}
		}
	}
	return nil
}
