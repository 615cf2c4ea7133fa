package tests

import (
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// TestPolicyLetsOutToWhatTheValuesName goes by ci/policy.yaml, whose addresses all have ports of their own.
func TestPolicyLetsOutToWhatTheValuesName(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		if !strings.HasSuffix(t.Name(), "-policy") {
			t.Skip("other values")
		}
		var anywhere []int
		for _, o := range objects {
			if o.Kind != "NetworkPolicy" {
				continue
			}
			for _, rule := range as[networkingv1.NetworkPolicy](t, o).Spec.Egress {
				for _, port := range rule.Ports {
					if len(rule.To) == 0 {
						anywhere = append(anywhere, port.Port.IntValue())
					}
				}
			}
		}
		slices.Sort(anywhere)
		// The NLG server, Redis behind the sentinels, the server of models, the action server, two sentinels. The collector has 443.
		if want := []int{5056, 6390, 8055, 8080, 26379, 26380}; !slices.Equal(anywhere, want) {
			t.Errorf("ports let out are %v, want %v", anywhere, want)
		}
	})
}
