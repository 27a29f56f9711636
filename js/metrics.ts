/** `require('ferrohttp/metrics')`: what `stats()` returns, for Prometheus and others. Each JavaScript thread has its own. */
import type { IncomingMessage, ServerResponse } from 'node:http'

// First, because it completes the replacement of node:http that the register module has begun.
import './index.js'

import { families, openMetrics, type Family } from './core.js'

/** The media type of `metrics()`. */
export const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** All metrics as text of OpenMetrics 1.0. */
export function metrics(): string {
  return openMetrics(families())
}

/** Answers a request with all metrics. */
export function handler(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' })
  response.end(metrics())
}

/** A registry of prom-client. */
export interface Registry {
  /** Adds a metric, which is read when the registry is. */
  registerMetric(metric: never): void
}

/** Adds all metrics to a registry of prom-client, such as `client.register`. They are read whenever the registry is. */
export function collect(registry: Registry): void {
  // A registry asks all its metrics in one go: they are then of the same moment.
  let snapshot: Map<string, Family> | undefined
  const current = (): Map<string, Family> => {
    if (snapshot === undefined) {
      snapshot = new Map(families().map((family) => [family.name, family]))
      void Promise.resolve().then(() => (snapshot = undefined))
    }
    return snapshot
  }
  for (const { name, type, help } of families()) {
    // prom-client's own counters have the suffix in their name.
    const shown = type === 'counter' ? `${name}_total` : name
    registry.registerMetric({
      name: shown,
      help,
      type,
      aggregator: 'sum',
      get() {
        const { samples } = current().get(name)!
        const values = samples.map(({ suffix, labels, value }) => ({
          labels,
          value,
          ...(suffix !== undefined && { metricName: `${name}${suffix}` }),
        }))
        return { name: shown, help, type, aggregator: 'sum', values }
      },
      reset() {},
    } as never)
  }
}
