package metrics

// rule says what becomes of a gauge's values when several worker processes have one each. Counters and histograms need no
// rule: they are summed.
type rule int

const (
	// ruleLast takes the value of the process that began last: for series that only one process has, such as those with a
	// slot among their labels, and for what is the same everywhere. It is the rule of what is not declared here.
	ruleLast rule = iota
	// ruleSum adds: what each process has of its own.
	ruleSum
	// ruleMax takes the highest value: something is the case as soon as it is so anywhere.
	ruleMax
	// ruleMin takes the lowest value: something is the case when it is so everywhere.
	ruleMin
	// ruleParent takes the value of the process that merges: what is about the server as a whole.
	ruleParent
)
