package trackerstore

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync"

	"parley/dialogue"
)

// ErrTooLarge means that an event is larger than the store accepts; nothing was stored.
var ErrTooLarge = errors.New("an event is too large to be stored")

// A frame is what one commit adds to a conversation: "commit id:first:count:codec:" and the events, where first is the number
// of events before and codec says how they are written. An archive is a frame with the events of many.
const (
	codecJSON    = "j" // a JSON array as the reference writes it
	codecDeflate = "d" // the same, compressed (RFC 1951)

	archiveID = "archive"
	// compressFrom is the size from which on it is worth while to compress.
	compressFrom = 512
	// inflateLimit is how large compressed events may be.
	inflateLimit = 256 << 20
)

// header is what stands before the events.
type header struct {
	id           string
	first, count int
	codec        string
}

func (h header) append(dst []byte) []byte {
	dst = append(append(dst, h.id...), ':')
	dst = append(strconv.AppendInt(dst, int64(h.first), 10), ':')
	dst = append(strconv.AppendInt(dst, int64(h.count), 10), ':')
	return append(append(dst, h.codec...), ':')
}

// writeFrame writes a frame into dst, which is empty, or elsewhere. No event may be larger than largest bytes; deflate is nil where
// frames are not compressed.
func writeFrame(dst []byte, id string, first int, events []dialogue.Event, largest int, deflate *deflater) ([]byte, error) {
	h := header{id: id, first: first, count: len(events), codec: codecJSON}
	dst = h.append(dst)
	body := len(dst)
	dst = append(dst, '[')
	for i, e := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		before := len(dst)
		dst = dialogue.AppendStoredEventJSON(dst, e)
		if size := len(dst) - before; size > largest {
			return nil, fmt.Errorf("%s event of %d bytes, the limit is %d: %w", e.Kind(), size, largest, ErrTooLarge)
		}
	}
	dst = append(dst, ']')
	if deflate == nil || len(dst) < compressFrom {
		return dst, nil
	}
	h.codec = codecDeflate
	return deflate.append(h.append(nil), dst[body:])
}

// frameRoom is the size of buffers for frames; larger ones are not kept.
const (
	frameRoom    = 4 << 10
	frameRoomMax = 64 << 10
)

// frameBuffers are buffers for the frames of commits under way, *[]byte.
var frameBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, frameRoom)
	return &b
}}

// deflater compresses. Its writers are large and made once.
type deflater struct {
	level   int
	writers sync.Pool
}

func (d *deflater) append(dst, data []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w, _ := d.writers.Get().(*flate.Writer)
	if w == nil {
		var err error
		if w, err = flate.NewWriter(out, d.level); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	} else {
		w.Reset(out)
	}
	defer d.writers.Put(w)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

// frame is a frame that was read.
type frame struct {
	header
	events []dialogue.Event
	size   int // bytes, as it is stored
}

// errFrame means that what is stored is not what this store writes.
var errFrame = errors.New("the stored conversation is damaged")

// openFrame reads a frame down to the JSON of its events.
func openFrame(data string) (h header, events []byte, err error) {
	part := strings.SplitN(data, ":", 5)
	if len(part) != 5 {
		return header{}, nil, fmt.Errorf("%w: a frame without its header", errFrame)
	}
	h = header{id: part[0], codec: part[3]}
	var errFirst, errCount error
	h.first, errFirst = strconv.Atoi(part[1])
	h.count, errCount = strconv.Atoi(part[2])
	if errFirst != nil || errCount != nil || h.first < 0 || h.count < 0 {
		return header{}, nil, fmt.Errorf("%w: a frame numbered %.20q:%.20q", errFrame, part[1], part[2])
	}
	switch h.codec {
	case codecJSON:
		return h, []byte(part[4]), nil
	case codecDeflate:
		r := flate.NewReader(strings.NewReader(part[4]))
		events, err = io.ReadAll(io.LimitReader(r, inflateLimit))
		if err != nil {
			return header{}, nil, fmt.Errorf("%w: frame of event %d: %w", errFrame, h.first, err)
		}
		return h, events, nil
	}
	return header{}, nil, fmt.Errorf("%w: a frame in the unknown codec %.20q", errFrame, h.codec)
}

func decodeFrame(data string) (frame, error) {
	h, body, err := openFrame(data)
	if err != nil {
		return frame{}, err
	}
	f := frame{header: h, size: len(data)}
	if f.events, err = dialogue.DecodeStoredEvents(body); err != nil {
		return frame{}, fmt.Errorf("%w: frame of event %d: %w", errFrame, f.first, err)
	}
	if len(f.events) != f.count {
		return frame{}, fmt.Errorf("%w: a frame with %d events instead of %d", errFrame, len(f.events), f.count)
	}
	return f, nil
}

// joinFrames makes an archive of frames that follow one another.
func joinFrames(frames []string, deflate *deflater) ([]byte, error) {
	joined := header{id: archiveID, codec: codecDeflate}
	list := []byte{'['}
	for i, data := range frames {
		h, body, err := openFrame(data)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			joined.first = h.first
		}
		if h.first != joined.first+joined.count || len(body) < 2 {
			return nil, fmt.Errorf("%w: a frame of event %d where %d is due", errFrame, h.first, joined.first+joined.count)
		}
		if joined.count > 0 && h.count > 0 {
			list = append(list, ',')
		}
		list = append(list, body[1:len(body)-1]...)
		joined.count += h.count
	}
	return deflate.append(joined.append(nil), append(list, ']'))
}

// inOrder reads frames that follow one another, which is checked: the first begins with the event next, or anywhere if that is -1.
func inOrder(data []any, next int, check bool) iter.Seq2[frame, error] {
	return func(yield func(frame, error) bool) {
		for _, item := range data {
			text, ok := item.(string)
			if !ok {
				yield(frame{}, fmt.Errorf("%w: a frame that is no string", errFrame))
				return
			}
			f, err := decodeFrame(text)
			if err == nil && check && next >= 0 && f.first != next {
				err = fmt.Errorf("%w: a frame of event %d where %d is due", errFrame, f.first, next)
			}
			if !yield(f, err) || err != nil {
				return
			}
			next = f.first + f.count
		}
	}
}

// decodeFrames reads frames that follow one another, which is checked, and returns their events.
func decodeFrames(data []any, check bool) (events []dialogue.Event, err error) {
	for f, err := range inOrder(data, -1, check) {
		if err != nil {
			return nil, err
		}
		events = append(events, f.events...)
	}
	return events, nil
}

// beginsSession reports whether a session begins in a list of events.
func beginsSession(events []dialogue.Event) bool {
	for _, e := range events {
		if a, ok := e.(*dialogue.ActionExecuted); ok && a.Name == dialogue.ActionSessionStart {
			return true
		}
	}
	return false
}
