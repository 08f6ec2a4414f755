{{- define "seedcore.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion | toString }}
{{- end }}

{{/* What all pods have. */}}
{{- define "seedcore.pod" -}}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The address of the cluster for daemons in pods of their own. */}}
{{- define "seedcore.address" -}}
{{- if .Values.cluster.address }}
{{- .Values.cluster.address }}
{{- else if eq .Values.cluster.kind "head" -}}
seedcore-head:6380
{{- else if eq .Values.cluster.kind "kuberay" -}}
seedcore-head-svc:6379
{{- else if eq .Values.cluster.kind "existing" }}
{{- fail "cluster.address: found nothing, expected HOST:PORT of the existing cluster's head" }}
{{- else }}
{{- fail (printf "cluster.kind: found '%s', expected head, kuberay or existing" .Values.cluster.kind) }}
{{- end }}
{{- end }}
