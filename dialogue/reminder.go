package dialogue

import (
	"fmt"
	"strings"
	"time"
)

// Due is the time of the reminder; a date_time without an offset is meant in the local zone. The error names the text that cannot be
// read as a time.
func (e *ReminderScheduled) Due(local *time.Location) (time.Time, error) {
	t, _, err := parseDateTime(e.DateTime, local)
	return t, err
}

// The layouts that a date and time may have once it is in lower case and without commas. Where day and month cannot be told apart
// the month comes first, as in the reference.
var (
	dateLayouts = []string{
		"2006-1-2", "2006/1/2", "20060102", "2006.1.2", "2 Jan 2006", "2 January 2006", "Jan 2 2006", "January 2 2006",
		"2-Jan-2006", "2006 Jan 2", "1/2/2006", "1-2-2006", "1.2.2006", "Mon 2 Jan 2006", "Monday 2 January 2006",
		"Mon Jan 2 2006", "Monday January 2 2006",
	}
	clockLayouts = []string{
		"", " 15:04:05", "t15:04:05", " 15:04", "t15:04", "t150405", "t1504", "t15", " 3pm", " 3 pm", " 3:04pm", " 3:04 pm",
		" 3:04:05pm", " 3:04:05 pm",
	}
	zoneLayouts = []string{"", "Z07:00", " Z07:00", "Z0700", " Z0700", "Z07", " Z07"}
)

// parseDateTime reads a date and time as it stands in a reminder: ISO 8601, or one of the common ways to write a full date. zoned
// reports whether it has an offset; without one it is meant in the local zone.
func parseDateTime(s string, local *time.Location) (t time.Time, zoned bool, err error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true, nil
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04:05", s, local); err == nil {
		return t, false, nil
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(strings.ToLower(s), ",", " ")), " ")
	for _, name := range []string{"utc", "gmt"} {
		if rest, ok := strings.CutSuffix(text, name); ok {
			text, local, zoned = strings.TrimSpace(rest), time.UTC, true
		}
	}
	if rest, ok := strings.CutSuffix(text, "z"); ok {
		text = rest + "Z"
	}
	for _, date := range dateLayouts {
		for _, clock := range clockLayouts {
			for _, zone := range zoneLayouts {
				if t, err := time.ParseInLocation(date+clock+zone, text, local); err == nil {
					return t, zoned || zone != "", nil
				}
			}
		}
	}
	return time.Time{}, false, fmt.Errorf("%q is no date and time", s)
}

// isoDateTime writes a date and time as Python's isoformat does.
func isoDateTime(t time.Time, zoned bool) string {
	layout := "2006-01-02T15:04:05"
	if t.Nanosecond()/1000 != 0 {
		layout += ".000000"
	}
	if zoned {
		layout += "-07:00"
	}
	return t.Format(layout)
}
