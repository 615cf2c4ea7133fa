package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// field is one key of an object whose keys keep their order.
type field struct {
	key   string
	value any
}

// fields is an object whose keys keep their order.
type fields []field

// orderedJSON reads JSON with the keys of objects in their order; numbers stay as they are written.
func orderedJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return orderedValue(d)
}

func orderedValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		object := fields{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("read JSON: %w", err)
			}
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			object = append(object, field{name, v})
		}
		_, err = d.Token()
		return object, err
	}
	return t, nil
}
