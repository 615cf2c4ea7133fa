package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// uncalled are the methods that move metrics and that nobody calls yet, each with the part that will.
var uncalled = map[string]string{
	"ActionServerBreaker": "leaving an action server alone that keeps failing",
	"AllowBrokers":        "event brokers",
	"ChannelConnections":  "channels with sessions (socketio)",
	"Outbox":              "event brokers",
	"Published":           "event brokers",
}

func TestWhatIsMeasuredIsEverywhereMeasured(t *testing.T) {
	t.Parallel()
	const root = "../.."
	methods, called := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if filepath.Dir(path) == filepath.Join(root, "metrics") {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.IsExported() && receiver(f) == "Metrics" {
					methods[f.Name.Name] = true
				}
			}
			return nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				called[s.Sel.Name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(methods) < 40 {
		t.Fatalf("only %d methods were found", len(methods))
	}
	maps.DeleteFunc(methods, func(name string, _ bool) bool { return called[name] })
	if diff := cmp.Diff(slices.Sorted(maps.Keys(uncalled)), slices.Sorted(maps.Keys(methods))); diff != "" {
		t.Errorf("methods of metrics without a caller (-known +found):\n%s", diff)
	}
}

// receiver is the name of a method's type.
func receiver(f *ast.FuncDecl) string {
	of := f.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
