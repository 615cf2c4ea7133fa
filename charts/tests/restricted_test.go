// Package tests holds the rendered chart to rules that need the types of Kubernetes and of the operators. It is a module of its
// own, so that the server's stays small. check.sh runs it with RENDERED, the folder of the renderings.
package tests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	sigsyaml "sigs.k8s.io/yaml"
)

// object is one rendered object.
type object struct {
	metav1.TypeMeta
	metav1.ObjectMeta `json:"metadata"`
	yaml              []byte
}

// as reads the object strictly: unknown fields are mistakes.
func as[T any](t *testing.T, o object) T {
	t.Helper()
	var v T
	if err := sigsyaml.UnmarshalStrict(o.yaml, &v); err != nil {
		t.Errorf("%s %s: %v", o.Kind, o.Name, err)
	}
	return v
}

// renderings calls check with the objects of every rendering.
func renderings(t *testing.T, check func(t *testing.T, objects []object)) {
	t.Helper()
	dir := os.Getenv("RENDERED")
	if dir == "" {
		t.Skip("RENDERED is not set: charts/check.sh runs these tests")
	}
	files, err := filepath.Glob(filepath.Join(dir, "1.*-*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no renderings in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var objects []object
			for r := yaml.NewYAMLReader(bufioReader(text)); ; {
				doc, err := r.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				o := object{yaml: doc}
				if err := sigsyaml.Unmarshal(doc, &o); err != nil {
					t.Fatal(err)
				}
				if o.Kind != "" {
					objects = append(objects, o)
				}
			}
			check(t, objects)
		})
	}
}

// pod is what an object makes pods of; nil: it makes none.
func pod(t *testing.T, o object) *corev1.PodTemplateSpec {
	t.Helper()
	switch o.Kind {
	case "Pod":
		p := as[corev1.Pod](t, o)
		return &corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
	case "Deployment":
		d := as[appsv1.Deployment](t, o)
		return &d.Spec.Template
	case "Job":
		j := as[batchv1.Job](t, o)
		return &j.Spec.Template
	case "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob":
		t.Errorf("%s %s: its pods are not looked at", o.Kind, o.Name)
	}
	return nil
}

func TestEveryPodIsRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	renderings(t, func(t *testing.T, objects []object) {
		pods := 0
		for _, o := range objects {
			p := pod(t, o)
			if p == nil {
				continue
			}
			pods++
			for _, version := range []api.Version{api.MajorMinorVersion(1, 27), api.LatestVersion()} {
				for _, r := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: version}, &p.ObjectMeta, &p.Spec) {
					if !r.Allowed {
						t.Errorf("%s %s, %s: %s: %s", o.Kind, o.Name, version.String(), r.ForbiddenReason, r.ForbiddenDetail)
					}
				}
			}
		}
		if pods == 0 {
			t.Error("no pods were rendered")
		}
	})
}

func TestOperatorsObjectsHaveNoUnknownFields(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		for _, o := range objects {
			switch o.Kind {
			case "ServiceMonitor":
				as[monitoringv1.ServiceMonitor](t, o)
			case "PodMonitor":
				as[monitoringv1.PodMonitor](t, o)
			case "PrometheusRule":
				as[monitoringv1.PrometheusRule](t, o)
			case "HTTPRoute":
				as[gatewayv1.HTTPRoute](t, o)
			}
		}
	})
}

// TestSelectorsSelectThePods holds Services, budgets, policies and monitors to the labels that pods and Services really have.
func TestSelectorsSelectThePods(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		var pods, services []labels.Set
		for _, o := range objects {
			if p := pod(t, o); p != nil && o.Kind != "Pod" {
				pods = append(pods, p.Labels)
			}
			if o.Kind == "Service" {
				services = append(services, o.Labels)
			}
		}
		one := func(o object, want map[string]string, among []labels.Set) {
			t.Helper()
			n := 0
			for _, l := range among {
				if labels.SelectorFromSet(want).Matches(l) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s %s selects %d of %v with %v", o.Kind, o.Name, n, among, want)
			}
		}
		for _, o := range objects {
			switch o.Kind {
			case "Service":
				one(o, as[corev1.Service](t, o).Spec.Selector, pods)
			case "PodDisruptionBudget":
				one(o, as[policyv1.PodDisruptionBudget](t, o).Spec.Selector.MatchLabels, pods)
			case "NetworkPolicy":
				one(o, as[networkingv1.NetworkPolicy](t, o).Spec.PodSelector.MatchLabels, pods)
			case "PodMonitor":
				one(o, as[monitoringv1.PodMonitor](t, o).Spec.Selector.MatchLabels, pods)
			case "ServiceMonitor":
				one(o, as[monitoringv1.ServiceMonitor](t, o).Spec.Selector.MatchLabels, services)
			case "Deployment":
				one(o, as[appsv1.Deployment](t, o).Spec.Selector.MatchLabels, pods)
			}
		}
	})
}

// TestServersPods holds the server's pods to what operating it relies on.
func TestServersPods(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		for _, o := range objects {
			if o.Kind == "Secret" {
				t.Errorf("%s %s: secrets are only ever referred to", o.Kind, o.Name)
			}
			if o.Kind != "Deployment" || strings.HasSuffix(o.Name, "-redis") {
				continue
			}
			spec := as[appsv1.Deployment](t, o).Spec.Template.Spec
			server := spec.Containers[0]
			env := map[string]string{}
			for _, e := range server.Env {
				env[e.Name] = e.Value
				secret := strings.Contains(e.Name, "PASSWORD") || strings.Contains(e.Name, "TOKEN") || strings.HasSuffix(e.Name, "SECRET") || strings.HasSuffix(e.Name, "_KEY")
				if secret && (e.Value != "" || e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil) {
					t.Errorf("%s does not come from a Secret", e.Name)
				}
			}
			needed := seconds(t, env["DRAIN_DELAY"]) + seconds(t, env["DRAIN_TIMEOUT"]) + seconds(t, env["METRICS_LINGER"])
			if grace := *spec.TerminationGracePeriodSeconds; grace < needed {
				t.Errorf("the grace period of %d s is shorter than DRAIN_DELAY, DRAIN_TIMEOUT and METRICS_LINGER, %d s", grace, needed)
			}
			if env["WORKERS"] == "" {
				t.Error("WORKERS does not reach the pods")
			}
			for _, arg := range server.Args {
				if strings.Contains(arg, "token") || strings.Contains(arg, "secret") || strings.Contains(arg, "password") {
					t.Errorf("the argument %s can be seen in the list of processes", arg)
				}
			}
			for name, probe := range map[string]*corev1.Probe{"/startupz": server.StartupProbe, "/livez": server.LivenessProbe, "/readyz": server.ReadinessProbe} {
				if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != name || probe.HTTPGet.Port.StrVal != "admin" {
					t.Errorf("the probe of %s is %v", name, probe)
				}
			}
			if *spec.AutomountServiceAccountToken || *spec.EnableServiceLinks {
				t.Error("the pod gets a token, or the variables of all Services")
			}
		}
	})
}

func bufioReader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

// seconds reads a time span in whole seconds.
func seconds(t *testing.T, s string) int64 {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Errorf("%q is no time span", s)
	}
	return int64(d.Seconds())
}
