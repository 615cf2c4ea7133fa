{{/* What the values refer to in the cluster: a list of {key, kind, name, entry}; entry: what it must have, "" for anything. */}}
{{- define "parley.references" -}}
{{- $v := .Values -}}
{{- $all := list -}}
{{- range $key, $secret := dict "auth.token" $v.auth.token "auth.jwt" $v.auth.jwt "logging.hashKey" $v.logging.hashKey "redis.password" $v.redis.password "redis.ca" $v.redis.ca "model.init.header" $v.model.init.header -}}
{{- if $secret.existingSecret -}}
{{- $all = append $all (dict "key" (print $key ".existingSecret") "kind" "Secret" "name" $secret.existingSecret "entry" $secret.key) -}}
{{- end -}}
{{- end -}}
{{- with $v.redis.clientCertificate -}}
{{- if .existingSecret -}}
{{- range list .certKey .keyKey -}}
{{- $all = append $all (dict "key" "redis.clientCertificate.existingSecret" "kind" "Secret" "name" $v.redis.clientCertificate.existingSecret "entry" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range list "endpoints.yml" "credentials.yml" -}}
{{- if $v.config.existingConfigMap -}}
{{- $all = append $all (dict "key" "config.existingConfigMap" "kind" "ConfigMap" "name" $v.config.existingConfigMap "entry" .) -}}
{{- end -}}
{{- end -}}
{{- if $v.model.existingClaim -}}
{{- $all = append $all (dict "key" "model.existingClaim" "kind" "PersistentVolumeClaim" "name" $v.model.existingClaim "entry" "") -}}
{{- end -}}
{{- $made := tpl (toYaml $v.extraObjects) . -}}
{{- range $v.extraEnvFrom -}}
{{- range $kind, $ref := dict "Secret" .secretRef "ConfigMap" .configMapRef -}}
{{- if and $ref (not (get $ref "optional")) (not (contains $ref.name $made)) -}}
{{- $all = append $all (dict "key" "extraEnvFrom" "kind" $kind "name" $ref.name "entry" "") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $env := $v.extraEnv -}}
{{- with $env.valueFrom -}}
{{- range $kind, $ref := dict "Secret" .secretKeyRef "ConfigMap" .configMapKeyRef -}}
{{- if and $ref (not (get $ref "optional")) (not (contains $ref.name $made)) -}}
{{- $all = append $all (dict "key" (print "extraEnv " $env.name) "kind" $kind "name" $ref.name "entry" $ref.key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* Whether the cluster can be asked ("" for no): not while rendering without one, nor if the values say not to. */}}
{{- define "parley.asked" -}}
{{- if and .Values.checkReferences (lookup "v1" "ServiceAccount" (include "parley.namespace" .) "default") }}yes{{ end -}}
{{- end -}}

{{/* What the values refer to must be there. */}}
{{- define "parley.validate.references" -}}
{{- $v := .Values -}}
{{- $ns := include "parley.namespace" . -}}
{{- $override := "(checkReferences=false installs all the same.)" -}}
{{- if include "parley.asked" . -}}
{{- range include "parley.references" . | fromJsonArray -}}
{{- $found := lookup "v1" .kind $ns .name -}}
{{- if not $found -}}
{{- fail (printf "%s: there is no %s %s in the namespace %s. %s" .key .kind .name $ns $override) -}}
{{- end -}}
{{- if and .entry (not (hasKey (merge (dict) ($found.data | default dict) ($found.binaryData | default dict)) .entry)) -}}
{{- fail (printf "%s: the %s %s in the namespace %s has no entry %s. %s" .key .kind .name $ns .entry $override) -}}
{{- end -}}
{{- end -}}
{{- if $v.model.existingClaim -}}
{{- $modes := (lookup "v1" "PersistentVolumeClaim" $ns $v.model.existingClaim).spec.accessModes -}}
{{- if and (not (has "ReadWriteMany" $modes)) (not (has "ReadOnlyMany" $modes)) (or (gt (int (include "parley.pods" .)) 1) (ne $v.strategy.type "Recreate")) -}}
{{- fail (printf "model.existingClaim: %s is %s, for one node. Several pods, and upgrades without strategy.type=Recreate, need ReadWriteMany or ReadOnlyMany. %s" $v.model.existingClaim (join ", " $modes) $override) -}}
{{- end -}}
{{- end -}}
{{- if and $v.config.existingConfigMap (or (gt (int (include "parley.pods" .)) 1) (gt (int $v.workers) 1)) -}}
{{- $endpoints := (lookup "v1" "ConfigMap" $ns $v.config.existingConfigMap).data | default dict | dig "endpoints.yml" "" | fromYaml -}}
{{- range ternary (list "tracker_store" "lock_store") (list "tracker_store") (gt (int $v.workers) 1) -}}
{{- if ne (get $endpoints . | default dict | dig "type" "" | lower) "redis" -}}
{{- fail (printf "config.existingConfigMap: the endpoints.yml of %s needs a %s of type redis: several pods (replicaCount, autoscaling.maxReplicas or keda.maxReplicas) or processes (workers) would each go their own way with a conversation. %s" $v.config.existingConfigMap . $override) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Which versions of Secrets and ConfigMaps are there, so that an upgrade after one has changed rolls the pods; "" if the cluster
cannot be asked. Versions, as a digest of a short secret would tell it. */}}
{{- define "parley.versions" -}}
{{- if include "parley.asked" . -}}
{{- $ns := include "parley.namespace" . -}}
{{- range include "parley.references" . | fromJsonArray -}}
{{- if ne .kind "PersistentVolumeClaim" -}}
{{- with lookup "v1" .kind $ns .name }}{{ .kind }}/{{ .metadata.name }}/{{ .metadata.resourceVersion }} {{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
