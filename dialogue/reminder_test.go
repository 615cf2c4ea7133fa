package dialogue

import (
	"testing"
	"time"
)

func TestReminderTimeIsReadLeniently(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2099-01-02T03:04:05.678901+02:00":  "2099-01-02T03:04:05.678901+02:00",
		"2099-01-02T03:04:05":               "2099-01-02T03:04:05",
		"2031-01-02T03:04:05.000000":        "2031-01-02T03:04:05",
		"2099-01-01T00:00:00Z":              "2099-01-01T00:00:00+00:00",
		"2 Jan 2099 3pm":                    "2099-01-02T15:00:00",
		"2099-01-02 03:04":                  "2099-01-02T03:04:00",
		"2099-01-02":                        "2099-01-02T00:00:00",
		"January 2, 2099 3:04 PM":           "2099-01-02T15:04:00",
		"20990102T030405Z":                  "2099-01-02T03:04:05+00:00",
		"2099-01-02 03:04:05 -0530":         "2099-01-02T03:04:05-05:30",
		"Fri, 2 Jan 2099 03:04:05 GMT":      "2099-01-02T03:04:05+00:00",
		"1/2/2099":                          "2099-01-02T00:00:00",
		"2099-01-02T03:04:05.5":             "2099-01-02T03:04:05.500000",
		"2023-11-14T22:13:20.123456789 utc": "2023-11-14T22:13:20.123456+00:00",
	} {
		e, err := DecodeEvent(map[string]any{"event": "reminder", "date_time": in, "intent": "i"})
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got := e.(*ReminderScheduled).DateTime; got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{"soon", "", "2099-13-01"} {
		if _, err := DecodeEvent(map[string]any{"event": "reminder", "date_time": in}); err == nil {
			t.Errorf("%q is taken for a time", in)
		}
	}
}

func TestReminderWithoutOffsetIsInTheLocalZone(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("x", 3600)
	got, err := (&ReminderScheduled{DateTime: "2099-01-02T03:04:05"}).Due(zone)
	if want := time.Date(2099, 1, 2, 3, 4, 5, 0, zone); err != nil || !got.Equal(want) {
		t.Errorf("Due = %v, %v; want %v", got, err, want)
	}
	got, err = (&ReminderScheduled{DateTime: "2099-01-02T03:04:05+00:00"}).Due(zone)
	if want := time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("Due = %v, %v; want %v", got, err, want)
	}
}
