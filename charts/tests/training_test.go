package tests

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestPodsAwaitAndServeTheModelThatTheJobTrains also says that a Job is made only when there is a claim to train into.
func TestPodsAwaitAndServeTheModelThatTheJobTrains(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		var trained string
		for _, o := range objects {
			if o.Kind != "Job" {
				continue
			}
			train := pod(t, o).Spec.Containers[0]
			trained = argument(train, "--out=") + "/" + argument(train, "--fixed-model-name=") + ".tar.gz"
			if hash := trained[strings.LastIndexByte(trained, '-')+1 : strings.LastIndex(trained, ".tar.gz")]; !strings.HasSuffix(o.Name, hash) {
				t.Errorf("the Job %s trains %s: its pod cannot change, so its name has to", o.Name, trained)
			}
		}
		claimed, required := false, ""
		for _, o := range objects {
			claimed = claimed || o.Kind == "PersistentVolumeClaim"
			if o.Kind == "Deployment" && !strings.HasSuffix(o.Name, "-redis") {
				required = variable(pod(t, o).Spec.Containers[0], "REQUIRE_MODEL")
			}
		}
		if strings.HasSuffix(t.Name(), "-training") && trained == "" || !claimed && trained != "" {
			t.Errorf("a Job trains %q, a claim is made: %v", trained, claimed)
		}
		if want := trained != ""; claimed && required != strconv.FormatBool(want) {
			t.Errorf("REQUIRE_MODEL is %q: the Service has to reach a pod without a model if the API is to fill the claim", required)
		}
		for _, o := range objects {
			if trained == "" || o.Kind != "Deployment" || strings.HasSuffix(o.Name, "-redis") {
				continue
			}
			spec := pod(t, o).Spec
			if got := argument(spec.Containers[0], "--model="); got != trained {
				t.Errorf("%s is served, %s trained", got, trained)
			}
			if await := spec.InitContainers[0]; !slices.Contains(await.Args, trained) || !slices.Equal(await.Args[:2], []string{"model", "await"}) {
				t.Errorf("the pods await with %v, trained is %s", await.Args, trained)
			}
		}
	})
}

// variable is the value of an environment variable.
func variable(c corev1.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// argument is what stands behind a flag.
func argument(c corev1.Container, flag string) string {
	for _, arg := range c.Args {
		if value, ok := strings.CutPrefix(arg, flag); ok {
			return value
		}
	}
	return ""
}

func TestAllObjectsAreInOneNamespace(t *testing.T) {
	renderings(t, func(t *testing.T, objects []object) {
		want := "bots"
		if strings.HasSuffix(t.Name(), "-training") { // its namespaceOverride
			want = "elsewhere"
		}
		for _, o := range objects {
			if o.Namespace != want && !strings.HasSuffix(o.Name, "-more") { // of extraObjects
				t.Errorf("%s %s is in the namespace %q, want %s", o.Kind, o.Name, o.Namespace, want)
			}
		}
	})
}
