{{- define "apprentice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "apprentice.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "apprentice.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "apprentice.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "apprentice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "apprentice.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "apprentice.secretName" -}}
{{- default (include "apprentice.fullname" .) .Values.existingSecret -}}
{{- end -}}

{{- define "apprentice.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The names with dots by which the Services are reached, as a list in TOML: the program refuses foreign ones. */}}
{{- define "apprentice.hosts" -}}
{{- $hosts := list -}}
{{- range $service := list (include "apprentice.fullname" .) (printf "%s-admin" (include "apprentice.fullname" .)) -}}
{{- range $suffix := list "" ".svc" ".svc.cluster.local" -}}
{{- $hosts = append $hosts (printf "%s.%s%s" $service $.Release.Namespace $suffix) -}}
{{- end -}}
{{- end -}}
{{- concat $hosts .Values.hosts | toJson -}}
{{- end -}}

{{- define "apprentice.config" -}}
{{- tpl (default (.Files.Get "files/apprentice.toml") .Values.config) . -}}
{{- end -}}
