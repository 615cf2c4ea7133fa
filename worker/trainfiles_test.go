package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"mime/multipart"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/worker"
)

func TestFilesOfATraining(t *testing.T) {
	t.Parallel()
	var got worker.TrainRequest
	s := serve(t, func(c *worker.Config) {
		c.Train = func(_ context.Context, r worker.TrainRequest) (string, error) {
			got = r
			return "", worker.ErrUnusable
		}
	})
	send := func(contentType, body string) answer {
		got = worker.TrainRequest{}
		return s.raw(fmt.Sprintf("POST /model/train HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body))
	}
	form := func(parts ...string) (contentType, body string) { // field, file ("" for a value), text
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(parts); i += 3 {
			if parts[i+1] == "" {
				_ = w.WriteField(parts[i], parts[i+2])
				continue
			}
			part, err := w.CreateFormFile(parts[i], parts[i+1])
			if err != nil {
				t.Fatal(err)
			}
			_, _ = part.Write([]byte(parts[i+2]))
		}
		_ = w.Close()
		return w.FormDataContentType(), b.String()
	}
	for _, tt := range []struct {
		name  string
		parts []string
		want  map[string]string
	}{
		{
			"files",
			[]string{"config", "my.yaml", "c", "domain", "d.yml", "d", "data", "nlu.yml", "n", "data", "more.json", "{}"},
			map[string]string{"config.yaml": "c", "domain.yml": "d", "nlu.yml": "n", "more.json": "{}"},
		},
		{"values", []string{"config", "", "c", "nlu", "", "n"}, map[string]string{"config.yml": "c", "nlu.yml": "n"}},
		{"the same name twice", []string{"x", "nlu.yml", "a", "y", "nlu.yml", "b"}, map[string]string{"nlu.yml": "a", "nlu-2.yml": "b"}},
		{"names that lead away", []string{"x", "..", "a", "y", `..\..\e.sh`, "b"}, map[string]string{"data.yml": "a", "_.._e.sh.yml": "b"}},
	} {
		contentType, body := form(tt.parts...)
		if a := send(contentType, body); a.status != 500 {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
		files := map[string]string{}
		for name, text := range got.Files {
			files[name] = string(text)
		}
		if tt.name == "the same name twice" { // in any order
			if diff := cmp.Diff(slices.Sorted(maps.Keys(tt.want)), slices.Sorted(maps.Keys(files))); diff != "" {
				t.Errorf("%s: the files differ (-want +got):\n%s", tt.name, diff)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, files); diff != "" || got.Body != nil {
			t.Errorf("%s: the files differ (-want +got):\n%s", tt.name, diff)
		}
	}
	send("application/json; charset=utf-8", `{"config":"language: en","nlu":"nlu: []","domain":null,"force":true,"save_to_default_model_directory":false}`)
	if want := map[string][]byte{"config.yml": []byte("language: en"), "nlu.yml": []byte("nlu: []")}; !cmp.Equal(want, got.Files) || !got.Force || got.Dir == "" {
		t.Errorf("the object of Rasa 2 became %q, force %v, folder %q", got.Files, got.Force, got.Dir)
	}
	send("application/json", `{"language":"en","nlu":[]}`)
	if got.Files != nil || !strings.Contains(string(got.Body), "language") {
		t.Errorf("one document became %q, %q", got.Files, got.Body)
	}
	for name, body := range map[string]string{"no boundary": "x", "cut off": "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", "no parts": "--x--\r\n"} {
		if a := send("multipart/form-data"+map[bool]string{false: "; boundary=x"}[name == "no boundary"], body); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := send("application/json", `{"config":"x","nlu":5}`); a.status != 400 || !strings.Contains(a.body, `"parameter":"nlu","in":"body"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
