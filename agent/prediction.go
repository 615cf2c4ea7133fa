package agent

import "parley/policy"

// Prediction is what the policies decided, under a name that callers of an agent can use without knowing policies.
type Prediction = policy.Prediction
