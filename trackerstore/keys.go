package trackerstore

import "parley/lockstore"

// keys builds the names of everything that a tracker store keeps in Redis.
type keys struct {
	prefix string
	tags   *lockstore.Tags
}

// meta is the hash with the end of a conversation's chain of commits.
func (k keys) meta(senderID string) string { return k.base(senderID) + ":m" }

// frames is the list of a conversation's commits.
func (k keys) frames(senderID string) string { return k.base(senderID) + ":e" }

// archives is the list of what became of the frames of sessions long closed.
func (k keys) archives(senderID string) string { return k.base(senderID) + ":a" }

// snapshot is a string: what is known after one of the latest commits, so that those before need not be read.
func (k keys) snapshot(senderID string) string { return k.base(senderID) + ":s" }

// replies is the hash with what was answered to identified requests.
func (k keys) replies(senderID string) string { return k.base(senderID) + ":i" }

func (k keys) base(senderID string) string {
	return k.prefix + ":" + k.tags.Of(senderID) + ":" + senderID
}

// ids is the sorted set of the conversations in a bucket, all with the same score: in the order of their bytes.
func (k keys) ids(bucket int) string { return k.prefix + ":" + k.tags[bucket] + ":ids" }

// imported is the sorted set of what was taken over from another store in a bucket: see import.lua.
func (k keys) imported(bucket int) string { return k.prefix + ":" + k.tags[bucket] + ":imported" }

// conf is the hash that says how the keys are laid out.
func (k keys) conf() string { return k.prefix + ":conf" }

// sweep is the lock of whoever takes expired conversations out of the lists.
func (k keys) sweep() string { return k.prefix + ":sweep" }
