package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"

	"parley/dialogue"
)

// formatName and formatVersion begin the first line of each section: what it is, and the version of its form.
const (
	formatName    = "parley policy "
	formatVersion = 2
)

// format is the beginning of that line.
var format = formatName + strconv.Itoa(formatVersion) + " "

// indexSection lists the policies, vocabularySection the words of their states.
const (
	indexSection      = "policies"
	vocabularySection = indexSection + ".vocabulary"
)

// Save hands the trained policies over as named sections: an index, the vocabulary, and one for each policy.
func (e *Ensemble) Save(put func(name string, data []byte) error) error {
	all := make([]*settings, len(e.policies))
	for i := range e.policies {
		all[i] = e.policies[i].settings
	}
	if err := putSection(put, indexSection, all); err != nil {
		return err
	}
	if err := putSection(put, vocabularySection, e.v.encode()); err != nil {
		return err
	}
	for i := range e.policies {
		if err := putSection(put, sectionOf(i, all[i]), e.policies[i].trained.encode(e.v)); err != nil {
			return err
		}
	}
	return nil
}

func sectionOf(i int, s *settings) string { return indexSection + "." + strconv.Itoa(i) + "." + s.Name }

func putSection(put func(string, []byte) error, name string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	data := fmt.Appendf(nil, "%s%08x\n", format, crc32.ChecksumIEEE(body))
	if err := put(name, append(data, body...)); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}

// Load makes an ensemble from its sections, for the domain it was trained with. Sections that cannot be read are an ErrCorrupt.
func Load(get func(name string) ([]byte, error), d *dialogue.Domain) (*Ensemble, error) {
	body, err := section(get, indexSection)
	if err != nil {
		return nil, err
	}
	var all []*settings
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("load %s: %w: %w", indexSection, ErrCorrupt, err)
	}
	if body, err = section(get, vocabularySection); err != nil {
		return nil, err
	}
	v, err := decodeVocabulary(body, d)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w: %w", vocabularySection, ErrCorrupt, err)
	}
	members := make([]member, len(all))
	for i, s := range all {
		if s == nil || kindOf(s.Name).decode == nil || s.History < 0 || s.History > 1<<30 {
			return nil, fmt.Errorf("load %s: %w: entry %d is no policy of this version", indexSection, ErrCorrupt, i)
		}
		name := sectionOf(i, s)
		body, err := section(get, name)
		if err != nil {
			return nil, err
		}
		p, err := kindOf(s.Name).decode(body, v, s)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w: %w", name, ErrCorrupt, err)
		}
		members[i] = member{s, p}
	}
	return newEnsemble(v, members), nil
}

// section reads a section and checks its sum.
func section(get func(string) ([]byte, error), name string) ([]byte, error) {
	data, err := get(name)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	head, body, _ := bytes.Cut(data, []byte("\n"))
	if want := fmt.Appendf(nil, "%s%08x", format, crc32.ChecksumIEEE(body)); !bytes.Equal(head, want) {
		if !bytes.HasPrefix(head, []byte(format)) {
			return nil, fmt.Errorf("load %s: %w: %s", name, ErrCorrupt, otherForm(head))
		}
		return nil, fmt.Errorf("load %s: %w: the sum does not match", name, ErrCorrupt)
	}
	return body, nil
}

// otherForm says what is wrong with a first line that is not of this version.
func otherForm(head []byte) string {
	rest, ours := bytes.CutPrefix(head, []byte(formatName))
	number, _, _ := bytes.Cut(rest, []byte(" "))
	switch version, err := strconv.Atoi(string(number)); {
	case !ours || err != nil:
		return "this is no policy"
	case version > formatVersion:
		return fmt.Sprintf("it was written by a newer version of Parley (form %d, this one reads %d): train the model again, or update Parley", version, formatVersion)
	default:
		return fmt.Sprintf("it was written by an older version of Parley (form %d, this one reads %d): train the model again", version, formatVersion)
	}
}
