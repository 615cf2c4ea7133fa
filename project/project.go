package project

import (
	"parley/action"
	"parley/dialogue"
	"parley/nlu"
	"parley/policy"
)

// Paths say where a project's files are.
type Paths struct {
	Config string   // config.yml
	Domain string   // file or folder
	Data   []string // files or folders
	// Legacy also reads what older versions wrote: training data and stories in Markdown, domains of Rasa 1 and 2.
	Legacy bool
}

// Project is a bot's files, read and merged.
type Project struct {
	Config Config
	Domain *dialogue.Domain
	NLU    nlu.TrainingData
	Steps  []dialogue.StoryStep // stories and rules, in the reference's order
	// Warnings are what was noticed while loading went on.
	Warnings []Problem

	loaded loaded
}

// Config is config.yml. A nil Pipeline or Policies means that the key is absent or null: Rasa's defaults apply.
type Config struct {
	Recipe, Language, AssistantID string
	Pipeline                      []nlu.Config
	Policies                      []policy.Config
	File                          string
	// Raw is the file as read, for fingerprints.
	Raw []byte

	keys map[string]bool // top-level keys in the file, whatever their values
}

// Endpoints is endpoints.yml.
type Endpoints struct {
	Action       *action.Endpoint // action_endpoint
	NLG          *action.Endpoint
	NLU          *action.Endpoint
	TrackerStore *StoreConfig
	LockStore    *StoreConfig
	EventBroker  *StoreConfig
	Models       *ModelServer

	sections *node // as read, for ShowEndpoints
}

// StoreConfig is the configuration of a tracker store, lock store or broker: its type and its keys.
type StoreConfig struct {
	Type    string
	Options map[string]any
	File    string
	Line    int
}

// ModelServer is where models come from.
type ModelServer struct {
	Endpoint             action.Endpoint
	WaitTimeBetweenPulls int
}

// Credential is one channel of credentials.yml, in file order.
type Credential struct {
	Channel string
	Options map[string]any // nil: no options
	File    string
	Line    int
}
