package policy

import (
	"fmt"
	"slices"
	"strings"
)

func (f form) fits(value any) bool {
	switch f {
	case boolean:
		_, ok := value.(bool)
		return ok
	case wholeNumber:
		x, ok := value.(float64)
		return isInt(value) || ok && x == float64(int(x))
	case number:
		_, ok := value.(float64)
		return ok || isInt(value)
	case text:
		_, ok := value.(string)
		return ok
	case textList:
		list, ok := value.([]any)
		return ok && !slices.ContainsFunc(list, func(x any) bool { _, ok := x.(string); return !ok })
	}
	return true
}

func isInt(v any) bool {
	switch v.(type) {
	case int, int64, uint64:
		return true
	}
	return false
}

func toInt(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case int64:
		return int(v)
	case uint64:
		return int(min(v, 1<<31))
	case float64:
		return int(v)
	}
	return 0
}

func toFloat(v any) float64 {
	if x, ok := v.(float64); ok {
		return x
	}
	return float64(toInt(v))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// suggest is a hint at the most similar name, or nothing.
func suggest(name string, names []string) string {
	best, distance := "", max(2, len(name)/3)+1
	for _, n := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// editDistance is the number of letters to insert, delete or replace to get from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
