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

{{/* These select pods and can never change. */}}
{{- define "parley.selector" -}}
app.kubernetes.io/name: {{ include "parley.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "parley.labels" -}}
{{ include "parley.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of an object: a list of the context and what to append to the name. */}}
{{- define "parley.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "parley.fullname" $ }}{{ index . 1 }}
namespace: {{ $.Release.Namespace }}
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

{{/* The greatest number of pods there may be, and whether conversations are shared between them ("" for no). */}}
{{- define "parley.pods" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.maxReplicas }}{{ else }}{{ .Values.replicaCount }}{{ end -}}
{{- end -}}
{{- define "parley.shared" -}}
{{- if or .Values.redis.url .Values.config.existingConfigMap }}yes{{ end -}}
{{- end -}}

{{/* endpoints.yml: what the values say, and the two stores on Redis. */}}
{{- define "parley.endpoints" -}}
{{- $e := deepCopy .Values.config.endpoints -}}
{{- with .Values.redis -}}
{{- if .url -}}
{{- $store := dict "type" "redis" "url" .url "db" (int .db) -}}
{{- if .username }}{{ $_ := set $store "username" .username }}{{ end -}}
{{- if .tls }}{{ $_ := set $store "use_ssl" true }}{{ end -}}
{{- if .keyPrefix }}{{ $_ := set $store "key_prefix" .keyPrefix }}{{ end -}}
{{- if .password.existingSecret }}{{ $_ := set $store "password" "${REDIS_PASSWORD}" }}{{ end -}}
{{- $_ := set $e "tracker_store" $store -}}
{{- $_ := set $e "lock_store" $store -}}
{{- end -}}
{{- end -}}
{{- if $e }}{{ toYaml $e }}{{ else }}{}{{ end -}}
{{- end -}}

{{/* The rules that concern several values. Each message names the keys. */}}
{{- define "parley.validate" -}}
{{- $v := .Values -}}
{{- $pods := int (include "parley.pods" .) -}}
{{- if and (not (include "parley.shared" .)) (or (gt $pods 1) (gt (int $v.workers) 1)) -}}
{{- fail (printf "redis.url is missing: %d pods (replicaCount or autoscaling.maxReplicas) with %d processes each (workers) would not see each other's conversations. Name a Redis in redis.url, or set both to 1." $pods (int $v.workers)) -}}
{{- end -}}
{{- if and $v.redis.url $v.config.existingConfigMap -}}
{{- fail "redis.url and config.existingConfigMap exclude each other: the stores are named in the endpoints.yml of that ConfigMap." -}}
{{- end -}}
{{- if and $v.config.existingConfigMap (or $v.config.endpoints $v.config.credentials) -}}
{{- fail "config.existingConfigMap replaces config.endpoints and config.credentials: give either it or them." -}}
{{- end -}}
{{- range $key := list "tracker_store" "lock_store" -}}
{{- if hasKey $v.config.endpoints $key -}}
{{- fail (printf "config.endpoints.%s: the stores are set by redis.url and its neighbours, or by a ConfigMap of your own in config.existingConfigMap." $key) -}}
{{- end -}}
{{- end -}}
{{- if and $v.api.enabled (not $v.auth.allowAnonymous) (not $v.auth.token.existingSecret) (not $v.auth.jwt.existingSecret) -}}
{{- fail "api.enabled needs auth.token.existingSecret or auth.jwt.existingSecret; auth.allowAnonymous=true leaves the API open to everybody who can reach it." -}}
{{- end -}}
{{- if and (eq $v.model.source "pvc") (not $v.model.existingClaim) -}}
{{- fail "model.source=pvc needs model.existingClaim, a claim that holds the models; with more than one pod it must be ReadOnlyMany or ReadWriteMany." -}}
{{- end -}}
{{- if and (eq $v.model.source "none") (not $v.api.enabled) -}}
{{- fail "model.source=none needs api.enabled: without the API no model can come to the server." -}}
{{- end -}}
{{- if $v.autoscaling.enabled -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas." -}}
{{- end -}}
{{- if not (or $v.autoscaling.cpu $v.autoscaling.inFlight) -}}
{{- fail "autoscaling.enabled needs autoscaling.cpu or autoscaling.inFlight to go by." -}}
{{- end -}}
{{- if and $v.autoscaling.cpu (not (dig "requests" "cpu" "" $v.resources)) -}}
{{- fail "autoscaling.cpu is a percentage of resources.requests.cpu, which is missing." -}}
{{- end -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts." -}}
{{- end -}}
{{- end -}}
