package trackerstore

import (
	"errors"
	"testing"
)

func FuzzEnd(f *testing.F) {
	f.Add(end{id: "abc", version: 7, events: 30, began: 3, sessions: 9000, kept: 20000, fence: 1 << 50, snapshot: 4}.String())
	f.Add("")
	f.Add("id:1:1:1:1:1:1")
	f.Add("id:1:1:2:1:1:1:0")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseEnd(text)
		if err != nil {
			if !errors.Is(err, errFrame) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := parseEnd(e.String())
		if err != nil || again != e {
			t.Errorf("%q is written as %q and read as %+v, %v", text, e, again, err)
		}
	})
}
