'use strict'
// The spans that OpenTelemetry makes of a request and of its handler.
const { SpanKind } = require('@opentelemetry/api')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node')

const exporter = new InMemorySpanExporter()
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] })

const http = require('node:http')
const { ask, serve } = require('./_ask.cjs')

serve(async (real) => {
  const answer = await ask(http, `${real}traced`)
  // The server's span ends after the client has its response.
  while (exporter.getFinishedSpans().length < 2) await new Promise(setImmediate)
  const spans = exporter.getFinishedSpans().toSorted((a, b) => a.kind - b.kind)
  const ids = spans.map((span) => span.spanContext().spanId)
  const shown = spans.map((span) => ({
    name: span.name,
    kind: SpanKind[span.kind],
    parent: ids.indexOf(span.parentSpanContext?.spanId),
    status: span.attributes['http.status_code'] ?? span.attributes['http.response.status_code'],
    method: span.attributes['http.method'] ?? span.attributes['http.request.method'],
  }))
  return [answer, shown]
})
