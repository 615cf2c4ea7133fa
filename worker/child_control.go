package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A parent and its worker processes talk over a pair of sockets, in frames: a byte for the kind, four for the length, the
// payload. The end of the connection is a message, too: the other one has died.
const (
	// frameBeat goes to the parent, once a second and when something changed: a beat.
	frameBeat byte = 'B'
	// frameMetrics goes to the child as a number, which comes back with a snapshot behind it. The child may send one that
	// nobody asked for, with the number 0.
	frameMetrics byte = 'M'
	// frameLeave goes to the child: tell clients to go elsewhere; payload 1: and accept no more connections.
	frameLeave byte = 'L'
	// frameDrain goes to the child: finish and end.
	frameDrain byte = 'D'
	// frameVerbose goes to the child; payload 1: log everything, 0: no longer.
	frameVerbose byte = 'V'
	// frameSocket goes to the child with the number of a slot and brings that slot's listening socket along.
	frameSocket byte = 'S'
	// frameRelease goes to the child with the number of a slot whose socket it need not serve any longer.
	frameRelease byte = 'R'
)

const (
	frameHeader = 5
	frameLimit  = 64 << 20
)

// slotVariable makes a process a worker process. It inherits two files: the control connection and its listening socket. With
// ledgerVariable there is a third, the memory for its counters: a parent of an older program does not give one.
const (
	slotVariable     = "PARLEY_WORKER_SLOT"
	ledgerVariable   = "PARLEY_WORKER_LEDGER"
	inheritedControl = 3
	inheritedSocket  = 4
	inheritedLedger  = 5
)

// beat is what a worker process says of itself.
type beat struct {
	Serving bool     `json:"serving"`           // model and stores are up
	Blocked []string `json:"blocked,omitempty"` // why it should get no traffic
}

// control is one end of the connection between a parent and a worker process. It has one reader and any number of writers.
type control struct {
	conn *net.UnixConn

	mu sync.Mutex // guards writing

	files []*os.File // came with frames and have not been taken; the reader's
}

// newControl takes over a file that is one end of the connection.
func newControl(f *os.File) (*control, error) {
	conn, err := net.FileConn(f)
	_ = f.Close() // conn is a copy
	if err != nil {
		return nil, fmt.Errorf("use the control connection: %w", err)
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("use the control connection: it is no Unix socket")
	}
	return &control{conn: u}, nil
}

func (c *control) close() { _ = c.conn.Close() }

// hurry ends a write that is under way, after a time span.
func (c *control) hurry(within time.Duration) { _ = c.conn.SetWriteDeadline(time.Now().Add(within)) }

// hurryReading ends reading after a time span.
func (c *control) hurryReading(within time.Duration) {
	_ = c.conn.SetReadDeadline(time.Now().Add(within))
}

// send writes a frame, within a time span if it is not 0. A frame that did not get through ends the connection, which would
// not make sense any more.
func (c *control) send(kind byte, payload []byte, within time.Duration) error {
	return c.sendFile(kind, payload, nil, within)
}

// sendFile writes a frame that brings an open file along, if there is one.
func (c *control) sendFile(kind byte, payload []byte, f *os.File, within time.Duration) error {
	frame := make([]byte, frameHeader, frameHeader+len(payload))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	frame = append(frame, payload...)
	c.mu.Lock()
	defer c.mu.Unlock()
	var deadline time.Time
	if within > 0 {
		deadline = time.Now().Add(within)
	}
	err := c.conn.SetWriteDeadline(deadline)
	if err == nil {
		err = writeWithFile(c.conn, frame, f)
	}
	if err != nil {
		c.close()
		return fmt.Errorf("write to the control connection: %w", err)
	}
	return nil
}

// receive waits for a frame. It returns io.EOF at the end of the connection.
func (c *control) receive() (kind byte, payload []byte, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(c, header[:]); err != nil {
		return 0, nil, endOfConnection(err)
	}
	n := binary.BigEndian.Uint32(header[1:])
	if n > frameLimit {
		return 0, nil, fmt.Errorf("read the control connection: a frame of %d bytes", n)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(c, payload); err != nil {
		return 0, nil, endOfConnection(err)
	}
	return header[0], payload, nil
}

// Read reads bytes and keeps the files that come with them.
func (c *control) Read(b []byte) (int, error) {
	n, files, err := readWithFiles(c.conn, b)
	c.files = append(c.files, files...)
	return n, err
}

// takeFile returns the first file that came along, nil if there is none.
func (c *control) takeFile() *os.File {
	if len(c.files) == 0 {
		return nil
	}
	f := c.files[0]
	c.files = c.files[1:]
	return f
}

// endOfConnection is io.EOF for every way in which a connection ends.
func endOfConnection(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || isReset(err) {
		return io.EOF
	}
	return fmt.Errorf("read the control connection: %w", err)
}

func (b beat) encode() []byte {
	data, err := json.Marshal(b)
	if err != nil {
		return nil // cannot happen: strings and a bool
	}
	return data
}

func decodeBeat(payload []byte) (beat, error) {
	var b beat
	if err := json.Unmarshal(payload, &b); err != nil {
		return b, fmt.Errorf("read a heartbeat: %w", err)
	}
	return b, nil
}

// verbosity is the payload of frameVerbose.
func verbosity(on bool) []byte {
	if on {
		return []byte{1}
	}
	return []byte{0}
}

// numbered is a payload that begins with a number.
func numbered(n uint64, rest []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(rest)), n), rest...)
}

// splitNumber takes a payload that begins with a number apart.
func splitNumber(payload []byte) (n uint64, rest []byte, err error) {
	if len(payload) < 8 {
		return 0, nil, fmt.Errorf("read a number from the control connection: %d bytes", len(payload))
	}
	return binary.BigEndian.Uint64(payload), payload[8:], nil
}
