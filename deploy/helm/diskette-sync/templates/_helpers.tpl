{{- define "diskette.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "diskette.catalogue" -}}
{{- if .Values.catalogueConfigMap -}}
{{ .Values.catalogueConfigMap }}
{{- else -}}
{{- if not .Values.catalogue }}{{ fail "set catalogue, or catalogueConfigMap" }}{{ end -}}
{{ .Release.Name }}-catalogue
{{- end -}}
{{- end }}

{{- define "diskette.labels" -}}
app.kubernetes.io/name: diskette-sync
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "diskette.pod" -}}
restartPolicy: Never
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "diskette.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
