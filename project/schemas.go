package project

import "sync"

var zero = 0.0

const migrateHint = "a domain of Rasa 2.x must be migrated first: slot mappings belong under the slots since 3.0"

// responsesSchema is the schema of responses, in domains and in NLU files.
var responsesSchema = sync.OnceValue(func() *schema {
	button := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"title", str, false}, {"payload", str, false}}}
	buttons := &schema{shape: shapeList, items: []*schema{button}}
	open := &schema{shape: shapeMap, open: true}
	condition := &schema{shape: shapeMap, keys: []schemaKey{{"type", str, false}, {"name", str, false}, {"value", anything, false}}}
	variation := &schema{
		shape: shapeMap,
		keys: []schemaKey{
			{"text", str, false},
			{"image", str, false},
			{"custom", open, false},
			{"buttons", buttons, false},
			{"button_type", str, false},
			{"quick_replies", buttons, false},
			{"attachment", open, false},
			{"elements", &schema{shape: shapeList}, false},
			{"channel", str, false},
			{"condition", &schema{shape: shapeList, items: []*schema{condition}}, false},
			{"metadata", anything, false},
			{"id", str, false},
		},
		required: func(n *node) string {
			if n.get("text").isNull() && n.get("custom").size() == 0 {
				return "a response needs a text or a custom payload"
			}
			return ""
		},
	}
	variations := &schema{shape: shapeList, notNull: true, items: []*schema{variation}}
	return &schema{shape: shapeMap, each: variations}
})

// domainSchema is the schema of domain files.
var domainSchema = sync.OnceValue(func() *schema {
	intent := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"use_entities", anything, false}, {"ignore_entities", anything, false}}}
	entity := &schema{shape: shapeMap, nullMap: true, open: true, keys: []schemaKey{
		{"roles", scalarList, false}, {"groups", scalarList, false}, {"influence_conversation", boolean, false},
	}}
	action := &schema{shape: shapeMap, keys: []schemaKey{{"send_domain", boolean, false}}}
	condition := &schema{shape: shapeMap, keys: []schemaKey{{"active_loop", str, false}, {"requested_slot", str, false}}}
	mapping := &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"type", str, false},
		{"intent", anything, false},
		{"not_intent", anything, false},
		{"entity", str, false},
		{"role", str, false},
		{"group", str, false},
		{"action", str, false},
		{"conditions", &schema{shape: shapeList, items: []*schema{condition}}, false},
	}}
	slot := &schema{shape: shapeMap, open: true, hint: migrateHint, keys: []schemaKey{
		{"influence_conversation", boolean, false},
		{"type", anything, true},
		{"values", &schema{shape: shapeList}, false},
		{"min_value", number, false},
		{"max_value", number, false},
		{"initial_value", anything, false},
		{"mappings", &schema{shape: shapeList, items: []*schema{mapping}}, true},
	}}
	slots := &schema{shape: shapeList, items: textList.items, hint: migrateHint}
	form := &schema{shape: shapeMap, hint: migrateHint, keys: []schemaKey{{"required_slots", slots, false}, {"ignored_intents", anything, false}}}
	return &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"version", str, false},
		{"intents", &schema{shape: shapeList, items: []*schema{intent, str}}, false},
		{"entities", &schema{shape: shapeList, items: []*schema{{shape: shapeMap, each: entity}, str}}, false},
		{"actions", &schema{shape: shapeList, items: []*schema{str, {shape: shapeMap, each: action}}}, false},
		{"responses", responsesSchema(), false},
		{"slots", &schema{shape: shapeMap, each: slot}, false},
		{"forms", &schema{shape: shapeMap, each: form, hint: migrateHint}, false},
		{"config", &schema{shape: shapeMap, open: true, keys: []schemaKey{{"store_entities_as_slots", boolean, false}}}, false},
		{"session_config", &schema{shape: shapeMap, open: true, keys: []schemaKey{
			{"session_expiration_time", &schema{shape: shapeNumber, min: &zero}, false},
			{"carry_over_slots_to_new_session", boolean, false},
		}}, false},
	}}
})

// nluSchema is the schema of NLU files.
var nluSchema = sync.OnceValue(func() *schema {
	example := &schema{shape: shapeMap, keys: []schemaKey{{"text", str, false}, {"metadata", anything, false}}}
	return &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"version", str, false},
		{"nlu", &schema{shape: shapeList, items: []*schema{
			{shape: shapeMap, keys: []schemaKey{{"intent", str, false}, {"metadata", anything, false}, {"examples", str, false}}},
			{shape: shapeMap, keys: []schemaKey{
				{"intent", str, false}, {"metadata", anything, false}, {"examples", &schema{shape: shapeList, items: []*schema{example}}, false},
			}},
			{shape: shapeMap, keys: []schemaKey{{"synonym", str, false}, {"examples", str, false}}},
			{shape: shapeMap, keys: []schemaKey{{"regex", str, false}, {"examples", str, false}}},
			{shape: shapeMap, keys: []schemaKey{{"lookup", str, false}, {"examples", str, false}}},
		}}, false},
		{"responses", responsesSchema(), false},
	}}
})

// storiesSchema is the schema of story and rule files.
var storiesSchema = sync.OnceValue(func() *schema {
	annotation := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"role", str, false}, {"group", str, false}}}
	entities := &schema{shape: shapeList, items: []*schema{str, annotation}}
	intent := &schema{shape: shapeMap, keys: []schemaKey{{"intent", str, false}, {"user", str, false}, {"entities", entities, false}}}
	slots := &schema{shape: shapeList}
	slotSet := &schema{shape: shapeMap, keys: []schemaKey{{"slot_was_set", slots, false}}}
	loop := &schema{shape: shapeMap, keys: []schemaKey{{"active_loop", str, false}}}
	action := &schema{shape: shapeMap, keys: []schemaKey{{"action", str, false}}}
	bot := &schema{shape: shapeMap, keys: []schemaKey{{"bot", str, false}}}
	checkpoint := &schema{shape: shapeMap, keys: []schemaKey{{"checkpoint", str, false}, {"slot_was_set", slots, false}}}
	or := &schema{shape: shapeMap, keys: []schemaKey{{"or", &schema{shape: shapeList, items: []*schema{intent, slotSet}}, false}}}
	story := &schema{shape: shapeMap, keys: []schemaKey{
		{"story", str, false},
		{"metadata", anything, false},
		{"steps", &schema{shape: shapeList, items: []*schema{intent, action, bot, slotSet, loop, checkpoint, or}}, false},
	}}
	rule := &schema{shape: shapeMap, keys: []schemaKey{
		{"rule", str, false},
		{"metadata", anything, false},
		{"steps", &schema{shape: shapeList, items: []*schema{intent, action, slotSet, loop, or}}, false},
		{"condition", &schema{shape: shapeList, items: []*schema{slotSet, loop}}, false},
		{"conversation_start", boolean, false},
		{"wait_for_user_input", boolean, false},
	}}
	return &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"version", str, false},
		{"stories", &schema{shape: shapeList, items: []*schema{story}}, false},
		{"rules", &schema{shape: shapeList, items: []*schema{rule}}, false},
	}}
})

// configSchema is the schema of config.yml.
var configSchema = sync.OnceValue(func() *schema {
	component := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"name", str, true}}}
	components := &schema{shape: shapeList, items: []*schema{component}}
	return &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"version", str, false},
		{"recipe", &schema{shape: shapeText}, false},
		{"language", str, false},
		{"assistant_id", str, false},
		{"pipeline", components, false},
		{"policies", components, false},
		{"importers", components, false},
		{"imports", textList, false},
	}}
})
