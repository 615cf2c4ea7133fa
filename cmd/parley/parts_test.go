package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"parley/metrics"
	"parley/model"
)

func TestObserveLoadTellsWhyAModelIsNotLoaded(t *testing.T) {
	t.Parallel()
	registry := metrics.NewRegistry("0")
	measure, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	for result, err := range map[string]error{
		"ok":           nil,
		"archive":      fmt.Errorf("m: %w: truncated", model.ErrNotModel),
		"incompatible": fmt.Errorf("m: %w: %w", model.ErrNotModel, model.ErrOtherFormat),
		"fetch":        os.ErrNotExist,
	} {
		observeLoad(measure, t.TempDir(), time.Second, err)
		rec := httptest.NewRecorder()
		metrics.Handler(registry).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		if want := `parley_model_loads_total{result="` + result + `"} 1`; !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%v: no %s in the metrics", err, want)
		}
	}
}
