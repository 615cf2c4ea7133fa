package dialogue

import (
	"strconv"
	"strings"
)

// otherValue is the categorical value that stands for all values that the domain does not list.
const otherValue = "__other__"

// Feature returns the slot's featurisation of a value (Rasa 3.6.21 shared/core/slots.py as_feature), nil if the slot has no
// influence on the conversation.
func (s *Slot) Feature(value any) []float64 {
	n := s.FeatureSize()
	if n == 0 {
		return nil
	}
	f := make([]float64, n)
	switch s.Type {
	case SlotText:
		if value != nil {
			f[0] = 1
		}
	case SlotList:
		if Truthy(value) {
			f[0] = 1
		}
	case SlotBool:
		if b, ok := boolValue(value); ok {
			f[0] = 1
			if b {
				f[1] = 1
			}
		}
	case SlotFloat:
		if x, ok := floatValue(value); ok {
			f[0] = 1
			f[1] = (min(max(x, s.Min), s.Max) - s.Min) / (s.Max - s.Min)
		}
	case SlotCategorical:
		if value == nil {
			break
		}
		if i := s.category(value); i >= 0 {
			f[i] = 1
		}
	}
	return f
}

// FeatureSize is the length of Feature's result.
func (s *Slot) FeatureSize() int {
	if !s.Influence {
		return 0
	}
	switch s.Type {
	case SlotText, SlotList:
		return 1
	case SlotBool, SlotFloat:
		return 2
	case SlotCategorical:
		return len(s.Values)
	}
	return 0
}

// category is the position of a categorical value, that of __other__ for an unknown one, -1 if there is none.
func (s *Slot) category(value any) int {
	name := strings.ToLower(PyString(value))
	other := -1
	for i, v := range s.Values {
		if v == name {
			return i
		}
		if v == otherValue {
			other = i
		}
	}
	return other
}

// boolValue reads the value of a bool slot: a boolean, a number (true if it is 1), the words true and false in any case, or
// digits without spaces. Everything else is no value.
func boolValue(v any) (value, ok bool) {
	if n, ok := number(v); ok {
		return n == 1, true
	}
	s, ok := v.(string)
	if !ok {
		return false, false
	}
	if s != "" && strings.Trim(s, "0123456789") == "" {
		return strings.TrimLeft(s, "0") == "1", true
	}
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// floatValue reads the value of a float slot as Python's float() does, which takes numbers, booleans and numeric strings.
func floatValue(v any) (float64, bool) {
	if n, ok := number(v); ok {
		return n, true
	}
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP") { // Go reads hexadecimal floats, Python does not
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f {
		return 0, false
	}
	return f, true
}
