{{/* The rules about what is handed on as it is given: labels, variables, arguments, parts of endpoints.yml and credentials.yml. */}}
{{- define "parley.validate.given" -}}
{{- $v := .Values -}}
{{- $own := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- range $key, $labels := dict "podLabels" $v.podLabels "commonLabels" $v.commonLabels -}}
{{- range $name, $_ := $labels -}}
{{- if has $name $own -}}
{{- fail (printf "%s: %s is the chart's own, its selectors go by such labels; nameOverride changes the name." $key $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $settings := dict "WORKERS" "workers" "SANIC_WORKERS" "workers" "AUTH_TOKEN" "auth.token" "JWT_SECRET" "auth.jwt" "REDIS_PASSWORD" "redis.password" "LOG_LEVEL" "logging.level" "LOG_HASH_KEY" "logging.hashKey" "LOG_USER_TEXT" "logging.userText" "LOG_TURNS" "logging.turns" "ACCESS_LOG" "logging.access" "LOG_FORMAT" "logging.format" "DRAIN_DELAY" "termination.drainDelay" "DRAIN_TIMEOUT" "termination.drainTimeout" "METRICS_LINGER" "termination.linger" "REQUIRE_MODEL" "readiness.requireModel" "STORE_GRACE" "readiness.storeGrace" "ADMIN_PORT" "adminService" "XDG_CACHE_HOME" "tmp" -}}
{{- if $v.tracing.endpoint -}}
{{- $settings = merge $settings (dict "OTEL_EXPORTER_OTLP_ENDPOINT" "tracing.endpoint" "OTEL_EXPORTER_OTLP_PROTOCOL" "tracing.protocol" "OTEL_SERVICE_NAME" "tracing.serviceName" "OTEL_TRACES_SAMPLER" "tracing.ratio" "OTEL_TRACES_SAMPLER_ARG" "tracing.ratio") -}}
{{- end -}}
{{- range $v.extraEnv -}}
{{- if hasKey $settings .name -}}
{{- fail (printf "extraEnv: %s comes from %s." .name (get $settings .name)) -}}
{{- end -}}
{{- end -}}
{{- $flags := dict "--auth-token" "auth.token.existingSecret" "-t" "auth.token.existingSecret" "--jwt-secret" "auth.jwt.existingSecret" "--jwt-method" "auth.jwt.method" "--enable-api" "api.enabled" "--model" "model.path" "-m" "model.path" "--endpoints" "config.endpoints" "--credentials" "config.credentials" "--port" "service.port (the pods listen on 5005)" "-p" "service.port (the pods listen on 5005)" "--admin-port" "adminService (the pods listen on 9090)" -}}
{{- range $v.extraArgs -}}
{{- $flag := regexReplaceAll "=.*" . "" -}}
{{- if hasKey $flags $flag -}}
{{- fail (printf "extraArgs: what %s says comes from %s; arguments can be seen in the list of processes." $flag (get $flags $flag)) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "^([a-z+]+://)?[^/@]*:[^/@]+@" $v.redis.url -}}
{{- fail "redis.url has a password, which everybody could read in a ConfigMap: put it into a Secret and name that in redis.password.existingSecret (and the user in redis.username)." -}}
{{- end -}}
{{- include "parley.validate.secrets" (list "config.endpoints" $v.config.endpoints) -}}
{{- include "parley.validate.secrets" (list "config.credentials" $v.config.credentials) -}}
{{- end -}}

{{/* A secret that is written out: the path of a value, and the value. What is named like one must come from the environment. */}}
{{- define "parley.validate.secrets" -}}
{{- $path := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if kindIs "map" $value -}}
{{- include "parley.validate.secrets" (list (print $path "." $key) $value) -}}
{{- else if kindIs "string" $value -}}
{{- if and $value (not (contains "${" $value)) (regexMatch "(?i)(token|secret|password|passwd|api[-_]?key|private[-_]?key|jwt[-_]key|authorization)$" $key) -}}
{{- fail (printf "%s.%s is written out, and everybody could read it in a ConfigMap: write ${A_VARIABLE} there, and let extraEnv or extraEnvFrom take the variable from a Secret." $path $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
