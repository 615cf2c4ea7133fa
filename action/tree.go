package action

import (
	"fmt"
	"maps"
	"slices"
)

// node is a plain value with placeholders somewhere in its texts.
type node interface {
	fill(v vars) (any, error)
}

type (
	textNode   struct{ template *template }
	listNode   struct{ items []nodeItem }
	objectNode struct {
		value map[string]any
		items []nodeKey
	}
	nodeItem struct {
		value any
		tree  node // nil: the value as it is
	}
	nodeKey struct {
		key  string
		tree node
	}
)

// compileTree prepares a plain value, nil for one without placeholders.
func compileTree(v any) node {
	switch v := v.(type) {
	case string:
		t := compileTemplate(v)
		if t.static() && t.err == nil && t.source == v {
			return nil
		}
		return textNode{t}
	case []any:
		n := listNode{items: make([]nodeItem, len(v))}
		fixed := true
		for i, x := range v {
			n.items[i] = nodeItem{value: x, tree: compileTree(x)}
			fixed = fixed && n.items[i].tree == nil
		}
		if fixed {
			return nil
		}
		return n
	case map[string]any:
		n := objectNode{value: v}
		for _, key := range sortedKeys(v) {
			if tree := compileTree(v[key]); tree != nil {
				n.items = append(n.items, nodeKey{key: key, tree: tree})
			}
		}
		if len(n.items) == 0 {
			return nil
		}
		return n
	}
	return nil
}

func (n textNode) fill(v vars) (any, error) { return n.template.fill(v) }

func (n listNode) fill(v vars) (any, error) {
	list := make([]any, len(n.items))
	for i, item := range n.items {
		list[i] = item.value
		if item.tree != nil {
			value, err := item.tree.fill(v)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
	}
	return list, nil
}

func (n objectNode) fill(v vars) (any, error) {
	object := make(map[string]any, len(n.value))
	maps.Copy(object, n.value)
	for _, item := range n.items {
		value, err := item.tree.fill(v)
		if err != nil {
			return nil, err
		}
		object[item.key] = value
	}
	return object, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// typeName says what a plain value is, for error messages.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a text"
	case int, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}
