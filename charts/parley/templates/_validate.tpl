{{/* The rules that concern several values. Each message names the keys. */}}
{{- define "parley.validate" -}}
{{- include "parley.validate.scale" . -}}
{{- include "parley.validate.config" . -}}
{{- include "parley.validate.given" . -}}
{{- include "parley.validate.model" . -}}
{{- include "parley.validate.network" . -}}
{{- include "parley.validate.references" . -}}
{{- end -}}

{{- define "parley.validate.scale" -}}
{{- $v := .Values -}}
{{- $pods := int (include "parley.pods" .) -}}
{{- if and $v.autoscaling.enabled $v.keda.enabled -}}
{{- fail "autoscaling.enabled and keda.enabled exclude each other: two would set the number of pods." -}}
{{- end -}}
{{- if and (not (include "parley.shared" .)) (or (gt $pods 1) (gt (int $v.workers) 1)) -}}
{{- fail (printf "redis.url is missing: %d pods (replicaCount, autoscaling.maxReplicas or keda.maxReplicas) with %d processes each (workers) would not see each other's conversations. Name a Redis in redis.url, or set both to 1." $pods (int $v.workers)) -}}
{{- end -}}
{{- if and (eq $v.redis.mode "dev") $v.redis.url -}}
{{- fail "redis.mode=dev and redis.url exclude each other: the conversations have one place." -}}
{{- end -}}
{{- if and (eq $v.redis.mode "dev") (or $v.redis.tls $v.redis.username $v.redis.password.existingSecret $v.redis.ca.existingSecret $v.redis.clientCertificate.existingSecret) -}}
{{- fail "redis.mode=dev has neither TLS nor users: redis.tls, redis.username, redis.password, redis.ca and redis.clientCertificate are for redis.url." -}}
{{- end -}}
{{- if and (eq $v.redis.mode "dev") (gt $pods 1) (not $v.redis.dev.force) -}}
{{- fail "redis.mode=dev keeps nothing and runs once: with several pods name a Redis in redis.url, or set redis.dev.force=true for a trial." -}}
{{- end -}}
{{- $clients := mul $pods $v.workers 96 -}}
{{- if and $v.redis.maxClients (gt (int $clients) (int $v.redis.maxClients)) -}}
{{- fail (printf "redis.maxClients is %d, but %d pods with %d processes each (workers) may open %d connections." (int $v.redis.maxClients) $pods (int $v.workers) $clients) -}}
{{- end -}}
{{- $least := int (include "parley.least" .) -}}
{{- if kindIs "string" $v.pdb.minAvailable -}}
{{- if eq $v.pdb.minAvailable "100%" -}}
{{- fail "pdb.minAvailable=100% lets no pod go: a node could never be drained." -}}
{{- end -}}
{{- else if and (not (kindIs "invalid" $v.pdb.minAvailable)) (ge (int $v.pdb.minAvailable) $least) -}}
{{- fail (printf "pdb.minAvailable is %d of %d pods (replicaCount, autoscaling.minReplicas or keda.minReplicas): none could go, and a node could never be drained." (int $v.pdb.minAvailable) $least) -}}
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
{{- if $v.keda.enabled -}}
{{- if gt (int $v.keda.minReplicas) (int $v.keda.maxReplicas) -}}
{{- fail "keda.minReplicas is greater than keda.maxReplicas." -}}
{{- end -}}
{{- if not $v.keda.prometheus -}}
{{- fail "keda.enabled needs keda.prometheus, the address to ask for parley_turns_in_flight." -}}
{{- end -}}
{{- end -}}
{{- $socketio := dig "socketio" nil $v.config.credentials -}}
{{- if and (hasKey $v.config.credentials "socketio") (gt (mul $pods $v.workers) 1) -}}
{{- $options := $socketio | default dict -}}
{{- $websocket := eq (toJson (dig "transports" list $options)) (toJson (list "websocket")) -}}
{{- if not (or $websocket (eq (dig "scaling" "" $options) "redis") (and (eq $v.service.sessionAffinity "ClientIP") (eq (int $v.workers) 1))) -}}
{{- fail "config.credentials.socketio: with several pods or workers a polling session must come back to its process. Set transports: [websocket] or scaling: redis there, or service.sessionAffinity=ClientIP with one worker." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "parley.validate.config" -}}
{{- $v := .Values -}}
{{- if and (or $v.redis.url (eq $v.redis.mode "dev")) $v.config.existingConfigMap -}}
{{- fail "redis.url or redis.mode=dev, and config.existingConfigMap, exclude each other: the stores are named in the endpoints.yml of that ConfigMap." -}}
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
{{- if and $v.termination.preStopSleep (semverCompare "<1.30-0" .Capabilities.KubeVersion.Version) -}}
{{- fail "termination.preStopSleep needs Kubernetes 1.30; termination.drainDelay does the same without a hook." -}}
{{- end -}}
{{- end -}}

{{- define "parley.validate.model" -}}
{{- $v := .Values -}}
{{- if and (eq $v.model.source "pvc") (not $v.model.existingClaim) (not $v.model.claim.create) -}}
{{- fail "model.source=pvc needs model.existingClaim, a claim that holds the models, or model.claim.create." -}}
{{- end -}}
{{- if and $v.model.existingClaim $v.model.claim.create -}}
{{- fail "model.existingClaim and model.claim.create exclude each other." -}}
{{- end -}}
{{- if and (or $v.model.existingClaim $v.model.claim.create) (ne $v.model.source "pvc") -}}
{{- fail (printf "model.existingClaim and model.claim.create are for model.source=pvc, which is %s." $v.model.source) -}}
{{- end -}}
{{- if and $v.model.claim.create (ne $v.model.claim.accessMode "ReadWriteMany") (gt (int (include "parley.pods" .)) 1) -}}
{{- fail (printf "model.claim.accessMode=%s lets one node have the models; several pods need ReadWriteMany." $v.model.claim.accessMode) -}}
{{- end -}}
{{- if and $v.model.claim.create (ne $v.model.claim.accessMode "ReadWriteMany") (ne $v.strategy.type "Recreate") -}}
{{- fail (printf "model.claim.accessMode=%s lets one node have the models: a new pod on another could not start before the old one has gone, and an upgrade would never end. Set strategy.type=Recreate, or ReadWriteMany." $v.model.claim.accessMode) -}}
{{- end -}}
{{- if eq $v.training.mode "job" -}}
{{- if ne $v.model.source "pvc" -}}
{{- fail (printf "training.mode=job needs model.source=pvc, which is %s: the Job leaves the model in a claim." $v.model.source) -}}
{{- end -}}
{{- if and $v.model.claim.create (ne $v.model.claim.accessMode "ReadWriteMany") -}}
{{- fail "training.mode=job needs model.claim.accessMode=ReadWriteMany: the Job and the pods run on several nodes." -}}
{{- end -}}
{{- end -}}
{{- if and $v.model.claim.create (not $v.api.enabled) (ne $v.training.mode "job") -}}
{{- fail "model.claim.create makes an empty claim, which is filled by trainings through the API: set api.enabled or training.mode=job, or fill a claim of your own and name it in model.existingClaim." -}}
{{- end -}}
{{- if and (eq $v.model.source "init") (not (and $v.model.init.url $v.model.init.sha256)) -}}
{{- fail "model.source=init needs model.init.url and model.init.sha256." -}}
{{- end -}}
{{- if and (eq $v.model.source "none") (not $v.api.enabled) -}}
{{- fail "model.source=none needs api.enabled: without the API no model can come to the server." -}}
{{- end -}}
{{- if and (eq (toString $v.readiness.requireModel) "false") (not $v.api.enabled) -}}
{{- fail "readiness.requireModel=false needs api.enabled: without the API a server without a model ends at once." -}}
{{- end -}}
{{- end -}}

{{- define "parley.validate.network" -}}
{{- $v := .Values -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts." -}}
{{- end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.paths) -}}
{{- fail "httpRoute.enabled needs httpRoute.paths: without, everything would be routed to the bot, its API too." -}}
{{- end -}}
{{- if and $v.service.trafficDistribution (semverCompare "<1.30-0" .Capabilities.KubeVersion.Version) -}}
{{- fail "service.trafficDistribution needs Kubernetes 1.30." -}}
{{- end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs, the gateways to be a route of." -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled (ne (toString $v.metrics.serviceMonitor.enabled) "auto") (not $v.adminService.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled needs adminService.enabled." -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled $v.metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled exclude each other: everything would be counted twice." -}}
{{- end -}}
{{- end -}}
