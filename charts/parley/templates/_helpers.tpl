{{- define "parley.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of everything; names derived from it have up to ten characters more. */}}
{{- define "parley.fullname" -}}
{{- $name := include "parley.name" . -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "parley.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* The least number of pods that there are to be. */}}
{{- define "parley.least" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.minReplicas }}
{{- else if .Values.keda.enabled }}{{ .Values.keda.minReplicas }}
{{- else }}{{ .Values.replicaCount }}{{ end -}}
{{- end -}}

{{/* These select pods and can never change. */}}
{{- define "parley.selector" -}}
app.kubernetes.io/name: {{ include "parley.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "parley.labels" -}}
{{ include "parley.ownLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "parley.ownLabels" -}}
{{ include "parley.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* The metadata of an object: a list of the context and what to append to the name. */}}
{{- define "parley.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "parley.fullname" $ }}{{ index . 1 }}
namespace: {{ include "parley.namespace" $ }}
labels:
  {{- include "parley.labels" $ | nindent 2 }}
{{- end -}}

{{/* The annotations of an object that has no others: a block of its metadata, or nothing. */}}
{{- define "parley.annotations" -}}
{{- with .Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "parley.image" -}}
{{- with .Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "parley.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "parley.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}{{ end -}}
{{- end -}}

{{- define "parley.configMap" -}}
{{- .Values.config.existingConfigMap | default (printf "%s-config" (include "parley.fullname" .)) -}}
{{- end -}}

{{/* Whether there is the rest channel ("" for no), as far as the values say. */}}
{{- define "parley.rest" -}}
{{- if or (not .Values.config.credentials) (hasKey .Values.config.credentials "rest") }}yes{{ end -}}
{{- end -}}

{{/* Whether models come to a server that is already there, through the API ("" for no): it has to be ready before. */}}
{{- define "parley.fillable" -}}
{{- if or (eq .Values.model.source "none") (and .Values.model.claim.create (ne .Values.training.mode "job")) }}yes{{ end -}}
{{- end -}}

{{/* The greatest number of pods there may be, and whether conversations are shared between them ("" for no). */}}
{{- define "parley.pods" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.maxReplicas }}
{{- else if .Values.keda.enabled }}{{ .Values.keda.maxReplicas }}
{{- else }}{{ .Values.replicaCount }}{{ end -}}
{{- end -}}
{{- define "parley.shared" -}}
{{- if or .Values.redis.url .Values.config.existingConfigMap (eq .Values.redis.mode "dev") }}yes{{ end -}}
{{- end -}}

{{/* Where Redis is; "" for nowhere. */}}
{{- define "parley.redis" -}}
{{- if eq .Values.redis.mode "dev" }}{{ include "parley.fullname" . }}-redis{{ else }}{{ .Values.redis.url }}{{ end -}}
{{- end -}}

{{/* endpoints.yml: what the values say, and the two stores on Redis. */}}
{{- define "parley.endpoints" -}}
{{- $e := deepCopy .Values.config.endpoints -}}
{{- $url := include "parley.redis" . -}}
{{- with .Values.redis -}}
{{- if $url -}}
{{- $store := dict "type" "redis" "url" $url "db" (int .db) -}}
{{- if .username }}{{ $_ := set $store "username" .username }}{{ end -}}
{{- if or .tls .ca.existingSecret }}{{ $_ := set $store "use_ssl" true }}{{ end -}}
{{- if .ca.existingSecret }}{{ $_ := set $store "ssl_ca_certs" (print "/etc/parley-redis/" .ca.key) }}{{ end -}}
{{- with .clientCertificate -}}
{{- if .existingSecret }}{{ $_ := set $store "use_ssl" true }}{{ $_ := set $store "ssl_certfile" (print "/etc/parley-redis-client/" .certKey) }}{{ $_ := set $store "ssl_keyfile" (print "/etc/parley-redis-client/" .keyKey) }}{{ end -}}
{{- end -}}
{{- if .keyPrefix }}{{ $_ := set $store "key_prefix" .keyPrefix }}{{ end -}}
{{- if .password.existingSecret }}{{ $_ := set $store "password" "${REDIS_PASSWORD}" }}{{ end -}}
{{- $_ := set $e "tracker_store" $store -}}
{{- $_ := set $e "lock_store" $store -}}
{{- end -}}
{{- end -}}
{{- if $e }}{{ toYaml $e }}{{ else }}{}{{ end -}}
{{- end -}}

{{/* Whether to make an object of the Prometheus operator ("" for no): the context, what the values say, the object's kind. */}}
{{- define "parley.monitored" -}}
{{- if eq (toString (index . 1)) "auto" -}}
{{- if (index . 0).Capabilities.APIVersions.Has (print "monitoring.coreos.com/v1/" (index . 2)) }}yes{{ end -}}
{{- else if index . 1 }}yes{{ end -}}
{{- end -}}

{{/* The pod of a training: the context, and the name of the model. All of it goes into that name, as the pod of a Job cannot change. */}}
{{- define "parley.training.pod" -}}
{{- $ := index . 0 -}}
metadata:
  labels:
    {{- include "parley.selector" $ | nindent 4 }}
    app.kubernetes.io/component: training
spec:
  {{- with $.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- toYaml $.Values.podSecurityContext | nindent 4 }}
  {{- with $.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: train
      image: {{ include "parley.image" $ }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      workingDir: {{ $.Values.training.job.project }}
      securityContext:
        {{- toYaml $.Values.securityContext | nindent 8 }}
      args:
        - train
        - --force
        - --quiet
        - --out={{ $.Values.model.path }}
        - --fixed-model-name={{ index . 1 }}
        {{- with $.Values.training.job.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - {name: XDG_CACHE_HOME, value: /tmp}
        - {name: LOG_FORMAT, value: {{ $.Values.logging.format }}}
        {{- with $.Values.training.job.revision }}
        - {name: TRAINING_REVISION, value: {{ . | quote }}}
        {{- end }}
      resources:
        {{- toYaml $.Values.training.job.resources | nindent 8 }}
      volumeMounts:
        - {name: models, mountPath: {{ $.Values.model.path }}}
        - {name: tmp, mountPath: /tmp}
        {{- with $.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: models
      persistentVolumeClaim: {claimName: {{ $.Values.model.existingClaim | default (print (include "parley.fullname" $) "-models") }}}
    - name: tmp
      emptyDir: {}
    {{- with $.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The model that the Job makes: its name without ".tar.gz"; "" without a Job. */}}
{{- define "parley.trained" -}}
{{- if eq .Values.training.mode "job" }}trained-{{ include "parley.training.pod" (list . "") | sha256sum | trunc 8 }}{{ end -}}
{{- end -}}

{{/* Seconds that the metrics can still be scraped at a pod's end: with auto, one interval of the monitor that there is. */}}
{{- define "parley.linger" -}}
{{- $interval := "" -}}
{{- if and .Values.adminService.enabled (include "parley.monitored" (list . .Values.metrics.serviceMonitor.enabled "ServiceMonitor")) }}{{ $interval = .Values.metrics.serviceMonitor.interval }}{{ end -}}
{{- if include "parley.monitored" (list . .Values.metrics.podMonitor.enabled "PodMonitor") }}{{ $interval = .Values.metrics.podMonitor.interval }}{{ end -}}
{{- if ne (toString .Values.termination.linger) "auto" }}{{ .Values.termination.linger }}
{{- else if not $interval }}0
{{- else if regexMatch "^[0-9]+s$" $interval }}{{ add 1 (trimSuffix "s" $interval) }}
{{- else if regexMatch "^[0-9]+m$" $interval }}{{ add 1 (mul 60 (trimSuffix "m" $interval)) }}
{{- else if regexMatch "^[0-9]+ms$" $interval }}2
{{- else }}{{ fail (printf "termination.linger: auto takes whole seconds or minutes as the interval of a monitor, not %s." $interval) }}{{ end -}}
{{- end -}}

{{/* How a monitor scrapes: the values of the monitor. The job is the release's name, whatever finds the pods. */}}
{{- define "parley.scrape" -}}
{{- $ := index . 0 -}}
{{- with index . 1 -}}
- port: admin
  path: /metrics
  interval: {{ .interval }}
  scrapeTimeout: {{ .scrapeTimeout }}
  relabelings:
    - {targetLabel: job, replacement: {{ include "parley.fullname" $ }}}
    {{- with .relabelings }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
