package trackerstore

import "parley/lockstore"

// keys builds the names of everything that a tracker store keeps in Redis.
type keys struct {
	prefix string
	tags   *lockstore.Tags
}

// meta is the string with the end of a conversation's chain of commits.
func (k keys) meta(senderID string) string { return k.base(senderID) + ":m" }

// frames is the list of a conversation's commits.
func (k keys) frames(senderID string) string { return k.base(senderID) + ":e" }

// archives is the list of what became of the frames of sessions long closed.
func (k keys) archives(senderID string) string { return k.base(senderID) + ":a" }

func (k keys) base(senderID string) string {
	return k.prefix + ":" + k.tags.Of(senderID) + ":" + senderID
}

// turn are the keys that the scripts of a turn name behind those of the lock: meta, frames, replies (a hash with what was answered
// to identified requests), snapshot (a string: what is known after one of the latest commits, so that those before need not be
// read), ids and archives.
func (k keys) turn(senderID string) [6]string {
	ids := k.ids(bucketOf(senderID))
	base := k.base(senderID)
	all := base + ":m" + base + ":e" + base + ":i" + base + ":s" + base + ":a"
	n := len(base) + 2
	return [6]string{all[:n], all[n : 2*n], all[2*n : 3*n], all[3*n : 4*n], ids, all[4*n:]}
}

// ids is the sorted set of the conversations in a bucket, all with the same score: in the order of their bytes.
func (k keys) ids(bucket int) string { return k.prefix + ":" + k.tags[bucket] + ":ids" }

// imported is the sorted set of what was taken over from another store in a bucket: see import.lua.
func (k keys) imported(bucket int) string { return k.prefix + ":" + k.tags[bucket] + ":imported" }

// conf is the hash that says how the keys are laid out.
func (k keys) conf() string { return k.prefix + ":conf" }

// sweep is the lock of whoever takes expired conversations out of the lists.
func (k keys) sweep() string { return k.prefix + ":sweep" }
