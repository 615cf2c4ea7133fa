package action

import (
	"fmt"
	"testing"

	"parley/dialogue"
)

func BenchmarkFormStep(b *testing.B) {
	d := formDomain()
	a := newActions(b, d, Config{})
	steps := map[string]*dialogue.Tracker{
		"activate": tracker(d, user("request")),
		"next":     asking(d, "cuisine", user("inform"), set("cuisine", "thai")),
		"end":      asking(d, "num", set("cuisine", "thai"), user("inform"), set("num", 4)),
		"reject":   asking(d, "cuisine", user("faq")),
	}
	for name, tr := range steps {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = a.Run(b.Context(), "f", Call{Tracker: tr, Channel: "collector"})
			}
		})
	}
}

func BenchmarkExtractSlots(b *testing.B) {
	var slots []dialogue.Slot
	var names []string
	for i := range 30 {
		name := fmt.Sprintf("slot%d", i)
		names = append(names, name)
		slots = append(slots, textSlot(name, fromEntity(name), dialogue.Mapping{
			Type: dialogue.FromText, Conditions: []dialogue.MappingCondition{{ActiveLoop: new("f"), RequestedSlot: name}},
		}))
	}
	d := domain(dialogue.Domain{
		Intents: intents("inform"), Entities: entities(names...), Slots: slots,
		Forms: []dialogue.Form{{Name: "f", RequiredSlots: names}},
	})
	a := newActions(b, d, Config{})
	for name, tr := range map[string]*dialogue.Tracker{
		"nothing": tracker(d, user("inform")),
		"entity":  tracker(d, user("inform", entity{name: "slot7", value: "x"})),
		"in form": tracker(d, act("f"), loopOn("f"), set("requested_slot", "slot9"), act(dialogue.ActionListen), said("x", "inform")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = a.ExtractSlots(b.Context(), Call{Tracker: tr, Channel: "collector"})
			}
		})
	}
}

func BenchmarkRemote(b *testing.B) {
	s := replies(b, map[string]string{"action_x": `{"events":[{"event":"slot","name":"note","value":1}],"responses":[{"text":"Hi"}]}`})
	d := remoteDomain()
	a := newActions(b, d, Config{ActionServer: s.endpoint()})
	for _, n := range []int{10, 1000} {
		var events []dialogue.Event
		for range n / 5 {
			events = append(events, user("go"), act("utter_greet"), set("name", "Ann"), &dialogue.BotUttered{Text: "Hi"}, act(dialogue.ActionListen))
		}
		tr := tracker(d, events...)
		b.Run(fmt.Sprintf("%d events", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Run(b.Context(), "action_x", Call{Tracker: tr, Channel: "collector"}); err != nil {
					b.Fatal(err)
				}
				s.taken()
			}
		})
	}
}
