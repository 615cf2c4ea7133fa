package trackerstore

import (
	"fmt"
	"strconv"
	"strings"
)

// end is the end of a conversation's chain of commits.
type end struct {
	id       string // commit id, "" for a conversation that is not stored
	version  int64  // number of the commit, from 1 on
	events   int    // of all sessions
	began    int64  // version of the first frame of the latest session
	sessions int    // bytes of the frames from there on
	kept     int    // bytes of all frames that are not archived
	fence    uint64 // of the latest turn
	snapshot int64  // version of the snapshot, 0: there is none
}

// String is the end as it is stored: see state.lua.
func (e end) String() string {
	if e.id == "" {
		return ""
	}
	b := append(make([]byte, 0, 96), e.id...)
	for _, n := range [...]int64{e.version, int64(e.events), e.began, int64(e.sessions), int64(e.kept)} {
		b = strconv.AppendInt(append(b, ':'), n, 10)
	}
	b = strconv.AppendUint(append(b, ':'), e.fence, 10)
	return string(strconv.AppendInt(append(b, ':'), e.snapshot, 10))
}

// followed is the end after one more commit of the same session.
func (e end) followed(id string, events, bytes int) end {
	e.id = id
	e.version++
	e.events += events
	e.sessions += bytes
	e.kept += bytes
	return e
}

// index is where the frame of a version stands in the list, counted from its end: the frames at the beginning may move to an archive.
func (e end) index(version int64) int64 { return version - e.version - 1 }

// parseEnd reads what String has written.
func parseEnd(text string) (end, error) {
	id, rest, _ := strings.Cut(text, ":")
	var numbers [7]uint64
	ok := id != "" && strings.Count(rest, ":") == len(numbers)-1
	for i := range numbers {
		var number string
		number, rest, _ = strings.Cut(rest, ":")
		n, err := strconv.ParseUint(number, 10, 63)
		ok = ok && err == nil
		numbers[i] = n
	}
	e := end{
		id: id, version: int64(numbers[0]), events: int(numbers[1]), began: int64(numbers[2]), sessions: int(numbers[3]),
		kept: int(numbers[4]), fence: numbers[5], snapshot: int64(numbers[6]),
	}
	if !ok || e.began < 1 || e.began > e.version || e.snapshot > e.version {
		return end{}, fmt.Errorf("%w: its end %.200q", errFrame, text)
	}
	return e, nil
}
