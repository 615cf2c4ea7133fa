package worker

import (
	"fmt"
	"io"
	"mime/multipart"
	"path/filepath"
	"strings"

	"parley/dialogue"
)

// maxFiles bounds the files of one training.
const maxFiles = 1000

// trainFiles reads the files of a project where a training sends them apart: the parts of a form, or, as in Rasa 2, the texts of an
// object with the keys config, domain, nlu, stories, rules and responses. Another body is left alone.
func (c *call) trainFiles(r *TrainRequest, keep *bool) error {
	switch mediaType(string(c.Context().Request.Header.ContentType())) {
	case "multipart/form-data":
		form, err := c.MultipartForm()
		if err != nil {
			return badBody("", "The form cannot be read: "+err.Error()+".")
		}
		r.Body = nil
		return r.addForm(form)
	case typeJSON:
		v, _ := dialogue.DecodeJSON(r.Body) // what is none may still be YAML
		o, _ := v.(map[string]any)
		if _, files := o["config"].(string); files {
			r.Body = nil
			return r.addTexts(o, keep)
		}
	}
	return nil
}

// addForm adds the parts of a form: files by their names, values by the names of their fields.
func (r *TrainRequest) addForm(form *multipart.Form) error {
	for field, values := range form.Value {
		for _, v := range values {
			if err := r.add(field, []byte(v)); err != nil {
				return err
			}
		}
	}
	for field, headers := range form.File {
		for _, h := range headers {
			f, err := h.Open()
			if err != nil {
				return fmt.Errorf("read a part of the form: %w", err)
			}
			text, err := io.ReadAll(f)
			if _ = f.Close(); err != nil {
				return fmt.Errorf("read a part of the form: %w", err)
			}
			name := h.Filename
			if field == "config" || field == "domain" { // whatever their files are called
				name = field + filepath.Ext(name)
			}
			if err := r.add(name, text); err != nil {
				return err
			}
		}
	}
	if len(r.Files) == 0 {
		return badBody("", "The form has no parts.")
	}
	return nil
}

// addTexts adds the texts of an object of Rasa 2.
func (r *TrainRequest) addTexts(o map[string]any, keep *bool) error {
	for key, v := range o {
		switch v := v.(type) {
		case string:
			if err := r.add(key, []byte(v)); err != nil {
				return err
			}
		case bool:
			switch key {
			case "force":
				r.Force = v
			case "save_to_default_model_directory":
				*keep = v
			}
		case nil:
		default:
			return badBody(key, "It has to be the text of a file.")
		}
	}
	return nil
}

// add adds a file under a plain name of its own, with the ending that tells what it is.
func (r *TrainRequest) add(name string, text []byte) error {
	if len(r.Files) >= maxFiles {
		return badBody("", fmt.Sprintf("There are more than %d files.", maxFiles))
	}
	if r.Files == nil {
		r.Files = map[string][]byte{}
	}
	name = strings.Map(func(c rune) rune {
		if c == '/' || c == '\\' || c < ' ' || c == 0x7f {
			return '_'
		}
		return c
	}, name)
	ending := ".yml"
	switch e := strings.ToLower(filepath.Ext(name)); e {
	case ".yml", ".yaml", ".json":
		ending = e
		name = name[:len(name)-len(e)]
	}
	name = strings.TrimLeft(name, ".")
	if name == "" || len(name) > 100 {
		name = "data"
	}
	unique := name + ending
	for n := 2; r.Files[unique] != nil; n++ {
		unique = fmt.Sprintf("%s-%d%s", name, n, ending)
	}
	r.Files[unique] = append([]byte{}, text...)
	return nil
}
