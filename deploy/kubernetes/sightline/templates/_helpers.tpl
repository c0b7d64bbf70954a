{{- define "sightline.labels" -}}
app.kubernetes.io/name: sightline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Of one component: (list $ "relay") */}}
{{- define "sightline.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: sightline
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Of one program: (list $ "sightline-relay") */}}
{{- define "sightline.image" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ index . 1 }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end }}

{{/* How to reach NATS, and all other settings: (list $ CREDENTIALS SETTINGS) */}}
{{- define "sightline.environment" -}}
{{- $root := index . 0 }}
{{- $credentials := index . 1 }}
- name: SIGHTLINE_NATS__URL
  value: {{ required "nats.url: where is NATS?" $root.Values.nats.url | quote }}
- name: SIGHTLINE_LOG__FORMAT
  value: json
{{- if $credentials.secret }}
- name: SIGHTLINE_NATS__NKEY_FILE
  value: /etc/sightline/nats/{{ $credentials.key }}
{{- end }}
{{- if $root.Values.nats.caSecret }}
- name: SIGHTLINE_NATS__TLS__CA_FILE
  value: /etc/sightline/ca/ca.crt
{{- end }}
{{- range $name, $value := index . 2 }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* (list $ CREDENTIALS) */}}
{{- define "sightline.mounts" -}}
{{- $root := index . 0 }}
{{- $credentials := index . 1 }}
{{- if $credentials.secret }}
- name: credentials
  mountPath: /etc/sightline/nats
  readOnly: true
{{- end }}
{{- if $root.Values.nats.caSecret }}
- name: ca
  mountPath: /etc/sightline/ca
  readOnly: true
{{- end }}
{{- end }}

{{/* (list $ CREDENTIALS) */}}
{{- define "sightline.volumes" -}}
{{- $root := index . 0 }}
{{- $credentials := index . 1 }}
{{- if $credentials.secret }}
- name: credentials
  secret:
    secretName: {{ $credentials.secret }}
    defaultMode: 0440
{{- end }}
{{- if $root.Values.nats.caSecret }}
- name: ca
  secret:
    secretName: {{ $root.Values.nats.caSecret }}
{{- end }}
{{- end }}

{{- define "sightline.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sightline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a publisher says how it is, as a setting and as a port, if it does. */}}
{{- define "sightline.publisherMetrics" -}}
{{- if .Values.publisherMetrics.enabled -}}
- name: SIGHTLINE_METRICS__LISTEN
  value: "0.0.0.0:{{ .Values.publisherMetrics.port }}"
{{- end }}
{{- end }}

{{- define "sightline.publisherPorts" -}}
{{- if .Values.publisherMetrics.enabled -}}
ports:
  - name: metrics
    containerPort: {{ .Values.publisherMetrics.port }}
{{- end }}
{{- end }}

{{/* Takes the command that asks. Ready while every camera is announced. There is no liveness probe: without NATS a restart is of no use. */}}
{{- define "sightline.publisherProbe" -}}
readinessProbe:
  exec:
    command: {{ toJson . }}
  periodSeconds: 20
  timeoutSeconds: 6
{{- end }}
