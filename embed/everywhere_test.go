package embed

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sumOf(numbers []float32) uint32 {
	var data []byte
	for _, v := range numbers {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return crc32.ChecksumIEEE(data)
}

// The sums were computed on amd64; arm64 gives the same (go test -exec qemu-aarch64).
func TestTheSameBitsEverywhere(t *testing.T) {
	t.Parallel()
	m, err := OpenTransformer(small(t))
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"hello, world!", "", "unaffable resume 7 你好", "hello hello world world unaffable ! , 7 7"}
	vectors := make([]float32, len(texts)*m.Width())
	m.EncodeAll(vectors, texts, Mean)
	var exps []float32
	for x := float32(-90); x < 90; x += 0.37 {
		exps = append(exps, exp(x))
	}
	table, err := BuildTable(t.Context(), m, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint32{"weights": m.Sum(), "exp": sumOf(exps), "gelu": sumOf(m.gelu[:]), "vectors": sumOf(vectors), "table": crc32.ChecksumIEEE(table)}
	want := map[string]uint32{"weights": 0xa71d61d4, "exp": 0x519ee3c, "gelu": 0xa45ac0e8, "vectors": 0xd89cfd94, "table": 0xccde7189}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sums of numbers (-everywhere +here):\n%s", diff)
	}
}
