package project

import (
	"slices"
	"strconv"
	"strings"
)

// channels are the channels of Rasa 3.6, with whether they do without settings (spec project-files §4.6).
var channels = []struct {
	name     string
	nullable bool
}{
	{"facebook", false},
	{"slack", false},
	{"telegram", false},
	{"mattermost", false},
	{"callback", false},
	{"rest", true},
	{"botframework", false},
	{"rocketchat", false},
	{"socketio", true},
	{"webexteams", false},
	{"hangouts", true},
	{"twilio", false},
	{"twilio_voice", true},
	{"cmdline", true},
	{"rasa", false},
}

// LoadCredentials reads credentials.yml. The error is Problems.
func LoadCredentials(path string) ([]Credential, error) {
	r := newReader()
	c := r.credentials(path)
	return c, r.err()
}

func (r *reader) credentials(path string) []Credential {
	n := r.yaml(path)
	if n == nil {
		return nil
	}
	if n.kind != kindMap {
		r.errorAt(n, classValidation, "schema", "write the name of a channel and a colon, such as rest:", "the credentials must be a mapping, not %s", n.describe())
		return nil
	}
	var list []Credential
	for name, p := range n.pairs {
		if r.credential(name, p) {
			list = append(list, Credential{Channel: name, Options: p.value.object(), File: path, Line: int(p.key.line)})
		}
	}
	return list
}

// credential checks one channel.
func (r *reader) credential(name string, p pair) bool {
	var names []string
	for _, c := range channels {
		names = append(names, c.name)
	}
	i := slices.Index(names, name)
	switch {
	case i < 0:
		hint := "the channels are " + strings.Join(names, ", ")
		if near := nearest(name, names); near != "" {
			hint = "is " + near + " meant? " + hint
		} else if strings.Contains(name, ".") {
			hint = "channels written in Python cannot be loaded; " + hint
		}
		r.errorAt(p.key, classRasa, "unknown-channel", hint, "the channel %q does not exist", name)
		return false
	case p.value.isNull():
		if !channels[i].nullable {
			r.errorAt(p.key, classRasa, "no-credentials", "write them below it, indented", "the channel %s needs settings", name)
			return false
		}
		return true
	case p.value.kind != kindMap:
		r.errorAt(p.key, classValidation, "schema", "write name: value below it", "the settings of %s must be a mapping, not %s", name, p.value.describe())
		return false
	case name == "slack" && p.value.get("slack_signing_secret").isNull():
		r.errorAt(p.key, classConfig, "no-credentials", "add slack_signing_secret; it stands in the basic information of your Slack app",
			"the channel slack needs slack_signing_secret")
		return false
	case name == "twilio_voice":
		return r.twilioVoice(p)
	}
	return true
}

// The values that twilio_voice takes.
var (
	twilioModels = []string{"default", "numbers_and_commands", "phone_call"}
	twilioVoices = []string{
		"man", "woman", "alice", "Polly.Mads", "Polly.Naja", "Polly.Lotte", "Polly.Rubin", "Polly.Nicole", "Polly.Russell", "Polly.Amy",
		"Polly.Brian", "Polly.Emma", "Polly.Amy-Neural", "Polly.Emma-Neural", "Polly.Brian-Neural", "Polly.Aditi", "Polly.Raveena",
		"Polly.Ivy", "Polly.Joanna", "Polly.Joey", "Polly.Justin", "Polly.Kendra", "Polly.Kimberly", "Polly.Matthew", "Polly.Salli",
		"Polly.Ivy-Neural", "Polly.Joanna-Neural", "Polly.Joey-Neural", "Polly.Justin-Neural", "Polly.Kendra-Neural", "Polly.Kimberly-Neural",
		"Polly.Matthew-Neural", "Polly.Salli-Neural", "Polly.Geraint", "Polly.Celine", "Polly.Mathieu", "Polly.Chantal", "Polly.Hans",
		"Polly.Marlene", "Polly.Vicki", "Polly.Dora", "Polly.Karl", "Polly.Carla", "Polly.Giorgio", "Polly.Mizuki", "Polly.Takumi",
		"Polly.Liv", "Polly.Ewa", "Polly.Jacek", "Polly.Jan", "Polly.Maja", "Polly.Ricardo", "Polly.Vitoria", "Polly.Camila-Neural",
		"Polly.Cristiano", "Polly.Ines", "Polly.Carmen", "Polly.Maxim", "Polly.Tatyana", "Polly.Conchita", "Polly.Enrique", "Polly.Mia",
		"Polly.Lupe", "Polly.Miguel", "Polly.Penelope", "Polly.Lupe-Neural", "Polly.Astrid", "Polly.Filiz", "Polly.Gwyneth",
	}
)

// twilioVoice checks the settings of the channel twilio_voice.
func (r *reader) twilioVoice(p pair) bool {
	n := p.value
	bad := func(key, want string) bool {
		r.errorAt(n.keyNode(key), classConfig, "bad-credentials", want, "twilio_voice: %s cannot be %s", key, n.get(key).describe())
		return false
	}
	model := "default"
	if v := n.get("speech_model"); v != nil {
		model = v.text()
		if !slices.Contains(twilioModels, model) {
			return bad("speech_model", "the models are "+strings.Join(twilioModels, ", "))
		}
	}
	if v := n.get("assistant_voice"); v != nil && !slices.Contains(twilioVoices, v.text()) {
		return bad("assistant_voice", "choose one of Twilio's voices, such as woman")
	}
	if v := n.get("speech_timeout"); v != nil {
		seconds, err := strconv.Atoi(v.text())
		if auto := v.text() == "auto"; auto && model != "numbers_and_commands" || !auto && (err != nil || seconds < 0) {
			return bad("speech_timeout", "a number of seconds; auto only with the model numbers_and_commands")
		}
	}
	if v := n.get("enhanced"); v != nil {
		text := strings.ToLower(v.text())
		if text != "true" && text != "false" || text == "true" && model != "phone_call" {
			return bad("enhanced", `"true" or "false"; true only with the model phone_call`)
		}
	}
	return true
}
