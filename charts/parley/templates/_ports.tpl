{{/* Ports that values name, for the NetworkPolicy. */}}

{{/* The port of a URL: a list of the URL and the port of one that is not known here, such as ${URL}, or not given. */}}
{{- define "parley.urlPort" -}}
{{- $url := index . 0 -}}
{{- $authority := regexReplaceAll "^[a-z]+://([^/?#]*@)?([^/?#]*).*$" $url "${2}" -}}
{{- if or (not $url) (contains "${" $url) }}{{ index . 1 }}
{{- else if regexMatch ":[0-9]+$" $authority }}{{ regexFind "[0-9]+$" $authority }}
{{- else }}{{ ternary 443 80 (hasPrefix "https:" $url) }}{{ end -}}
{{- end -}}

{{/* The ports of Redis, as JSON: those in redis.url, and of the servers that sentinels and nodes name. */}}
{{- define "parley.redisPorts" -}}
{{- $port := int .Values.networkPolicy.egress.redis.port -}}
{{- $url := .Values.redis.url -}}
{{- $sentinel := contains "+sentinel://" $url -}}
{{- $ports := list -}}
{{- range splitList "," (regexReplaceAll "^([a-z+]+://)?([^/?#]*@)?([^/?#]*).*$" $url "${3}") -}}
{{- if regexMatch ":[0-9]+$" . }}{{ $ports = append $ports (int (regexFind "[0-9]+$" .)) }}
{{- else }}{{ $ports = append $ports (ternary 26379 $port $sentinel) }}{{ end -}}
{{- end -}}
{{- if or $sentinel (not $url) }}{{ $ports = append $ports $port }}{{ end -}}
{{- toJson ($ports | uniq) -}}
{{- end -}}
