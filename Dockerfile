# The server as an image: one static binary, certificates and time zones on an otherwise empty root; no shell, no package manager.
#
#   make image
#   docker run --read-only -p 5005:5005 -v "$PWD:/app:ro" parley
#
# Give the bases with their digests for a build that can be repeated, or stand-ins where no registry can be reached:
#   --build-arg BUILD_IMAGE=golang:1.26-bookworm@sha256:… --build-arg FINAL_IMAGE=gcr.io/distroless/static-debian12:nonroot@sha256:…
ARG BUILD_IMAGE=golang:1.26-bookworm
ARG FINAL_IMAGE=gcr.io/distroless/static-debian12:nonroot

# The builder runs on the machine's own platform and compiles for the target's.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${BUILD_IMAGE} AS build
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=
WORKDIR /src
COPY go.mod go.sum ./
RUN ["go", "mod", "download"]
COPY . .
RUN CGO_ENABLED=0 GOOS="$TARGETOS" GOARCH="$TARGETARCH" GOFLAGS=-mod=readonly \
    go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION" -o /out/parley ./cmd/parley

FROM ${FINAL_IMAGE}
ARG VERSION=
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="parley" \
      org.opencontainers.image.description="Trains and serves conversational assistants from Rasa project folders" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
COPY --from=build /out/parley /parley
COPY LICENSE segment/LICENSE-jieba /licenses/
# The project's folder: endpoints.yml, credentials.yml and models/ are looked for here. Nothing is written to it.
WORKDIR /app
# Probes and metrics; run and health both go by it.
ENV ADMIN_PORT=9090
EXPOSE 5005 9090
# By number: a check that nobody runs as root cannot know what a name stands for.
USER 65532:65532
STOPSIGNAL SIGTERM
# Kubernetes has probes of its own and ignores this.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/parley", "health"]
ENTRYPOINT ["/parley"]
CMD ["run", "--enable-api"]
