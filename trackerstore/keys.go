package trackerstore

import "parley/lockstore"

// keys builds the names of everything that a tracker store keeps in Redis.
type keys struct {
	prefix string
	tags   *lockstore.Tags
}

// What the names of a conversation's keys end with.
const (
	metaKey     = ":m" // a string with the end of the chain of commits
	framesKey   = ":e" // the list of the commits
	repliesKey  = ":i" // a hash with what was answered to identified requests
	snapshotKey = ":s" // a string: what is known after one of the latest commits, so that those before need not be read
	archivesKey = ":a" // the list of what became of the frames of sessions long closed
)

func (k keys) meta(senderID string) string     { return k.base(senderID) + metaKey }
func (k keys) frames(senderID string) string   { return k.base(senderID) + framesKey }
func (k keys) archives(senderID string) string { return k.base(senderID) + archivesKey }

func (k keys) base(senderID string) string {
	return k.prefix + ":" + k.tags.Of(senderID) + ":" + senderID
}

// turn are the keys that the scripts of a turn name behind those of the lock: meta, frames, replies, snapshot, ids and archives.
func (k keys) turn(senderID string) [6]string {
	base := k.base(senderID)
	return [6]string{
		base + metaKey, base + framesKey, base + repliesKey, base + snapshotKey, k.ids(bucketOf(senderID)), base + archivesKey,
	}
}

// ids is the sorted set of the conversations in a bucket, all with the same score: in the order of their bytes.
func (k keys) ids(bucket int) string { return k.prefix + ":" + k.tags[bucket] + ":ids" }

// imported is the sorted set of what was taken over from another store in a bucket: see import.lua.
func (k keys) imported(bucket int) string { return k.prefix + ":" + k.tags[bucket] + ":imported" }

// conf is the hash that says how the keys are laid out.
func (k keys) conf() string { return k.prefix + ":conf" }

// sweep is the lock of whoever takes expired conversations out of the lists.
func (k keys) sweep() string { return k.prefix + ":sweep" }
