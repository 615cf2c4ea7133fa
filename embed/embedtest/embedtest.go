// Package embedtest writes small models with random weights for tests.
package embedtest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Sizes of the model.
const (
	Width  = 16
	inner  = 32
	layers = 2
)

// Write writes a model with a vocabulary into a folder: config.json, vocab.txt and model.safetensors. Equal seeds give equal weights.
func Write(dir string, vocabulary []string, seed uint64) error {
	return write(dir, vocabulary, seed, inner)
}

// WriteWide writes a model as Write does, with layers so wide that their weights are worth to be kept (400 kB of whole numbers).
func WriteWide(dir string, vocabulary []string, seed uint64) error {
	return write(dir, vocabulary, seed, 128*inner)
}

func write(dir string, vocabulary []string, seed uint64, inner int) error {
	vocabulary = append([]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]"}, vocabulary...)
	config := fmt.Sprintf(`{"model_type": "bert", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": 2,
		"max_position_embeddings": 32, "hidden_act": "gelu"}`, Width, inner, layers)
	files := map[string][]byte{
		"config.json": []byte(config), "vocab.txt": []byte(strings.Join(vocabulary, "\n")), "model.safetensors": weights(len(vocabulary), seed, inner),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// weights is a file of random weights.
func weights(words int, seed uint64, inner int) []byte {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // tests are to be repeatable
	type entry struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, body := map[string]entry{}, []byte(nil)
	add := func(name string, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		from := len(body)
		for range n {
			x := float32(r.NormFloat64() / 2)
			if strings.HasSuffix(name, "LayerNorm.weight") {
				x = 1
			}
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(x))
		}
		header[name] = entry{"F32", shape, [2]int{from, len(body)}}
	}
	norm := func(name string) {
		add(name+".LayerNorm.weight", Width)
		add(name+".LayerNorm.bias", Width)
	}
	linear := func(name string, out, in int) {
		add(name+".weight", out, in)
		add(name+".bias", out)
	}
	add("embeddings.word_embeddings.weight", words, Width)
	add("embeddings.position_embeddings.weight", 32, Width)
	add("embeddings.token_type_embeddings.weight", 2, Width)
	norm("embeddings")
	for i := range layers {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		for _, name := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
			linear(at+name, Width, Width)
		}
		norm(at + "attention.output")
		linear(at+"intermediate.dense", inner, Width)
		linear(at+"output.dense", Width, inner)
		norm(at + "output")
	}
	head, err := json.Marshal(header)
	if err != nil {
		panic(err) // the types above can be written
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), body...)
}
