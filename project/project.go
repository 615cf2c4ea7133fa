// Package project reads a bot's files: domain, training data, stories, rules, config, endpoints and credentials.
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
}

// Project is a bot's files, read and merged.
type Project struct {
	Config Config
	Domain *dialogue.Domain
	NLU    nlu.TrainingData
	Steps  []dialogue.StoryStep // stories and rules, in the reference's order
	// Warnings are what was noticed while loading went on.
	Warnings []Problem
}

// Config is config.yml. A nil Pipeline or Policies means that the key is absent or null: Rasa's defaults apply.
type Config struct {
	Recipe, Language, AssistantID string
	Pipeline                      []nlu.Config
	Policies                      []policy.Config
	File                          string
	// Raw is the file as read, for fingerprints.
	Raw []byte
}

// Problem is something wrong in a project's files. As an error it prints file:line: message.
type Problem struct {
	File     string
	Line     int // 0: unknown
	Column   int
	Severity string // "error" or "warning"
	Code     string // short name of the check, e.g. "unknown-action"
	Message  string
	Hint     string
}

// Error prints file:line: message (hint).
func (p *Problem) Error() string { panic("stub") }

// Problems are several as one error.
type Problems []Problem

// Error prints one a line.
func (p Problems) Error() string { panic("stub") }

// Load reads a project. Errors are Problems.
func Load(p Paths) (*Project, error) { panic("stub") }

// LoadConfig reads config.yml only.
func LoadConfig(path string) (Config, error) { panic("stub") }

// ParseDomain reads one domain document (YAML or JSON); name is used in errors.
func ParseDomain(name string, data []byte) (*dialogue.Domain, error) { panic("stub") }

// Validate checks a project as a whole: names used and not defined and the like.
func Validate(p *Project) []Problem { panic("stub") }

// Endpoints is endpoints.yml.
type Endpoints struct {
	Action       *action.Endpoint // action_endpoint
	NLG          *action.Endpoint
	NLU          *action.Endpoint
	TrackerStore *StoreConfig
	LockStore    *StoreConfig
	EventBroker  *StoreConfig
	Models       *ModelServer
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

// LoadEndpoints reads endpoints.yml; a missing file gives no endpoints.
func LoadEndpoints(path string) (*Endpoints, error) { panic("stub") }

// Credential is one channel of credentials.yml, in file order.
type Credential struct {
	Channel string
	Options map[string]any // nil: no options
	File    string
	Line    int
}

// LoadCredentials reads credentials.yml.
func LoadCredentials(path string) ([]Credential, error) { panic("stub") }
