package dialogue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSlotFeature(t *testing.T) {
	t.Parallel()
	text := Slot{Type: SlotText, Influence: true}
	boolean := Slot{Type: SlotBool, Influence: true}
	number := Slot{Type: SlotFloat, Influence: true, Min: 0, Max: 10}
	list := Slot{Type: SlotList, Influence: true}
	category := Slot{Type: SlotCategorical, Influence: true, Values: []string{"true", "1.0", "pro", "none", "__other__"}}
	for _, tc := range []struct {
		slot  Slot
		value any
		want  []float64
	}{
		{Slot{Type: SlotText}, "x", nil},
		{Slot{Type: SlotAny, Influence: true}, "x", nil},
		{text, nil, []float64{0}},
		{text, "", []float64{1}},
		{boolean, nil, []float64{0, 0}},
		{boolean, true, []float64{1, 1}},
		{boolean, false, []float64{1, 0}},
		{boolean, 1, []float64{1, 1}},
		{boolean, 2.0, []float64{1, 0}},
		{boolean, " TRUE ", []float64{1, 1}},
		{boolean, "false", []float64{1, 0}},
		{boolean, "1", []float64{1, 1}},
		{boolean, "10", []float64{1, 0}},
		{boolean, " 1", []float64{0, 0}},
		{boolean, "yes", []float64{0, 0}},
		{boolean, []any{}, []float64{0, 0}},
		{number, nil, []float64{0, 0}},
		{number, 5, []float64{1, 0.5}},
		{number, 0.0, []float64{1, 0}},
		{number, -3.5, []float64{1, 0}},
		{number, 99, []float64{1, 1}},
		{number, " 2.5 ", []float64{1, 0.25}},
		{number, "0x10", []float64{0, 0}},
		{number, "ten", []float64{0, 0}},
		{list, nil, []float64{0}},
		{list, []any{}, []float64{0}},
		{list, []any{nil}, []float64{1}},
		{category, nil, []float64{0, 0, 0, 0, 0}},
		{category, true, []float64{1, 0, 0, 0, 0}},
		{category, 1.0, []float64{0, 1, 0, 0, 0}},
		{category, 1, []float64{0, 0, 0, 0, 1}},
		{category, "PRO", []float64{0, 0, 1, 0, 0}},
		{category, "free", []float64{0, 0, 0, 0, 1}},
	} {
		got := tc.slot.Feature(tc.value)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s slot, value %#v (-want +got):\n%s", tc.slot.Type, tc.value, diff)
		}
		if len(got) != tc.slot.FeatureSize() {
			t.Errorf("%s slot: %d features, FeatureSize %d", tc.slot.Type, len(got), tc.slot.FeatureSize())
		}
	}
}

func TestSlotsAreSharedUnlessChanged(t *testing.T) {
	t.Parallel()
	d := &Domain{}
	for i := range 20 {
		d.Slots = append(d.Slots, Slot{Name: string(rune('a' + i)), Type: SlotText})
	}
	d.Slots = append(d.Slots, Slot{Name: "l", Type: SlotList, Initial: "x"})
	d.Slots = append(d.Slots, Slot{Name: "list", Type: SlotList, Initial: "x"})
	before := NewTracker("s", d.Finish()).State().Slots
	after := before.Set("k", "v")
	if v, _ := before.Value("k"); v != nil || before.HasBeenSet("k") {
		t.Error("Set changed the slots it was called on")
	}
	if v, ok := after.Value("k"); v != "v" || !ok || !after.HasBeenSet("k") {
		t.Errorf("k = %v, %v", v, ok)
	}
	if after.Set("k", "v") != after || after.Set("unknown", 1) != after {
		t.Error("Set made new slots though nothing changed")
	}
	if !before.Set("k", nil).HasBeenSet("k") {
		t.Error("a slot set to null does not count as set")
	}
	if v, _ := before.Value("list"); !Equal(v, []any{"x"}) {
		t.Errorf("list starts with %v", v)
	}
	if v, _ := after.Set("list", 3).Value("list"); !Equal(v, []any{3}) {
		t.Errorf("list = %v", v)
	}
	if v, _ := after.Set("list", nil).Value("list"); v != nil {
		t.Errorf("list = %v", v)
	}
	if _, ok := after.Value("unknown"); ok {
		t.Error("an unknown slot has a value")
	}
}
