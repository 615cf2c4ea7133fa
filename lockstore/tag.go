package lockstore

import "strconv"

// Buckets is the number of hash tags. It is part of the layout of the keys in Redis and never changes.
const Buckets = 1024

// clusterSlots is the number of hash slots of a Redis Cluster.
const clusterSlots = 16384

// Tags are the hash tags, one a bucket, that keep everything about a key in one slot of a Redis Cluster. Keys share 1024
// buckets, so that one script may also touch what belongs to a whole bucket; the tags are chosen so that the buckets lie
// evenly over the slots. The bytes of a key do not matter to its tag.
type Tags [Buckets]string

// NewTags computes the tags; they are the same in every process.
func NewTags() *Tags {
	var t Tags
	for n, found := 0, 0; found < Buckets; n++ {
		tag := "b" + strconv.FormatInt(int64(n), 36)
		bucket := int(crc16(tag)) % clusterSlots * Buckets / clusterSlots
		if t[bucket] == "" {
			t[bucket] = "{" + tag + "}"
			found++
		}
	}
	return &t
}

// Of is the hash tag of a key, with its braces.
func (t *Tags) Of(key string) string { return t[Bucket(key)] }

// Bucket is the bucket of a key: FNV-1a, folded.
func Bucket(key string) int {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return int((h ^ h>>32) % Buckets)
}

// crc16 is the checksum by which a Redis Cluster finds the slot of a key (CRC-16/XMODEM).
func crc16(s string) uint16 {
	var crc uint16
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
