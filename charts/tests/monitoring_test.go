package tests

import (
	"maps"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestMonitorsScrapeAPortThatThereIs, under the job that rules and dashboard go by.
func TestMonitorsScrapeAPortThatThereIs(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		ports, deployment := map[string]bool{}, ""
		for _, o := range objects {
			switch {
			case o.Kind == "Service" && strings.HasSuffix(o.Name, "-admin"):
				spec := as[corev1.Service](t, o).Spec
				if !spec.PublishNotReadyAddresses {
					t.Error("pods that are not ready cannot be scraped")
				}
				for _, p := range spec.Ports {
					ports[p.Name] = true
				}
			case o.Kind == "Deployment" && !strings.HasSuffix(o.Name, "-redis"):
				deployment = o.Name
			}
		}
		for _, o := range objects {
			if o.Kind != "ServiceMonitor" {
				continue
			}
			for _, e := range as[monitoringv1.ServiceMonitor](t, o).Spec.Endpoints {
				if !ports[e.Port] {
					t.Errorf("the port %s is not among %v", e.Port, ports)
				}
				if e.RelabelConfigs[0].TargetLabel != "job" || *e.RelabelConfigs[0].Replacement != deployment {
					t.Errorf("the job is not %s but by %+v", deployment, e.RelabelConfigs[0])
				}
			}
		}
	})
}

// TestAlertsAreSetByTheValues: thresholds, alerts that are left out, what every alert has.
func TestAlertsAreSetByTheValues(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		for _, o := range objects {
			if o.Kind != "PrometheusRule" {
				continue
			}
			alerts := map[string]monitoringv1.Rule{}
			for _, g := range as[monitoringv1.PrometheusRule](t, o).Spec.Groups {
				for _, r := range g.Rules {
					if strings.Contains(r.Expr.String(), "$") || strings.Contains(r.Expr.String(), "JOB") {
						t.Errorf("something is left to be filled in: %s", r.Expr.String())
					}
					if r.Alert == "" {
						continue
					}
					alerts[r.Alert] = r
					if keys := slices.Sorted(maps.Keys(r.Annotations)); !slices.Equal(keys, []string{"description", "runbook_url", "summary"}) {
						t.Errorf("%s has the annotations %v", r.Alert, keys)
					}
					if severity := r.Labels["severity"]; len(r.Labels) != 1 || severity != "page" && severity != "ticket" {
						t.Errorf("%s has the labels %v", r.Alert, r.Labels)
					}
				}
			}
			_, vanished := alerts["ParleyTrafficVanished"]
			expr := alerts["ParleyStoreSlow"].Expr
			slow := strings.HasSuffix(expr.String(), "> 0.5")
			if everything := strings.HasSuffix(t.Name(), "-everything"); vanished == everything || slow != everything {
				t.Errorf("ParleyTrafficVanished: %v, ParleyStoreSlow: %s", vanished, expr.String())
			}
		}
	})
}
