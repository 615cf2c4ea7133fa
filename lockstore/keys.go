package lockstore

// keys builds the names of everything that a lock store keeps in Redis.
type keys struct {
	prefix string
	tags   *Tags
}

// lock is a string with a lease: the token of the key's holder.
func (k keys) lock(key string) string { return k.base(key) + ":l" }

// queue is the list of tickets that wait for the key.
func (k keys) queue(key string) string { return k.base(key) + ":q" }

func (k keys) base(key string) string { return k.prefix + ":" + k.tags.Of(key) + ":" + key }

// wakePrefix is what the names of the workers' channels begin with.
func (k keys) wakePrefix() string { return k.prefix + ":w:" }

// wake is the channel on which a worker hears that a key was handed to one of its tickets.
func (k keys) wake(worker string) string { return k.wakePrefix() + worker }
