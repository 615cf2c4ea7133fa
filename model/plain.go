package model

import (
	"fmt"
	"reflect"

	"parley/dialogue"
)

// The domain is stored field by field as plain JSON values, because its own JSON (what action servers get) leaves out what
// it was computed from. Plain values keep whole numbers apart from others, which encoding/json would not.

// toPlain turns exported fields into plain values: structs become maps, zero fields are left out, bytes become strings.
func toPlain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return []any{toPlain(v.Elem())} // a list of one keeps a pointer to a zero value apart from nil
	case reflect.Interface:
		return v.Interface() // already plain
	case reflect.Struct:
		m := make(map[string]any)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				m[f.Name] = toPlain(v.Field(i))
			}
		}
		return m
	case reflect.Map:
		m := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = toPlain(it.Value())
		}
		return m
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes())
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = toPlain(v.Index(i))
		}
		return list
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Float64:
		return v.Float()
	default:
		return int(v.Int())
	}
}

// fromPlain is the reverse of toPlain. It returns an error for values of another shape.
func fromPlain(p any, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface:
		if p != nil {
			v.Set(reflect.ValueOf(p))
		}
		return nil
	case reflect.Pointer:
		list, ok := p.([]any)
		if p == nil {
			return nil
		}
		if !ok || len(list) != 1 {
			return mismatch(p, v)
		}
		v.Set(reflect.New(v.Type().Elem()))
		return fromPlain(list[0], v.Elem())
	case reflect.Struct:
		m, ok := p.(map[string]any)
		if !ok {
			return mismatch(p, v)
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			x, given := m[f.Name]
			if !given || !f.IsExported() {
				continue
			}
			if err := fromPlain(x, v.Field(i)); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return nil
	case reflect.Map:
		m, ok := p.(map[string]any)
		if !ok {
			return mismatch(p, v)
		}
		v.Set(reflect.MakeMapWithSize(v.Type(), len(m)))
		for key, x := range m {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := fromPlain(x, e); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
		}
		return nil
	case reflect.Slice:
		return sliceFromPlain(p, v)
	}
	x := reflect.ValueOf(p)
	if !x.IsValid() || x.Kind() != v.Kind() {
		return mismatch(p, v)
	}
	v.Set(x.Convert(v.Type()))
	return nil
}

func sliceFromPlain(p any, v reflect.Value) error {
	if s, ok := p.(string); ok && v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes([]byte(s))
		return nil
	}
	list, ok := p.([]any)
	if !ok {
		return mismatch(p, v)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, x := range list {
		if err := fromPlain(x, v.Index(i)); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func mismatch(p any, v reflect.Value) error { return fmt.Errorf("a %T does not fit a %s", p, v.Type()) }

// encodeDomain writes all fields of a domain.
func encodeDomain(d *dialogue.Domain) []byte {
	return dialogue.AppendJSON(nil, toPlain(reflect.ValueOf(*d)))
}

// decodeDomain reads what encodeDomain wrote.
func decodeDomain(data []byte) (*dialogue.Domain, error) {
	p, err := dialogue.DecodeJSON(data)
	if err != nil {
		return nil, err
	}
	d := new(dialogue.Domain)
	if err := fromPlain(p, reflect.ValueOf(d).Elem()); err != nil {
		return nil, err
	}
	return d.Finish(), nil
}
