/**
 * Entries of type 'http' for PerformanceObserver (Node doc heading "PerformanceObserver supported entry types"). Only Node can make
 * them, which it does when one of its own responses finishes. So a stand-in of Node's class finishes for each of our messages.
 */
import { channel } from 'node:diagnostics_channel'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { performance, PerformanceObserver } from 'node:perf_hooks'

import { beginResponse, finish, NodeResponse, unpublished } from './stand-ins.js'

interface Asked {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders | OutgoingHttpHeaders
}

export interface Answered {
  readonly statusCode: number
  readonly statusMessage: string
  readonly headers: IncomingHttpHeaders | OutgoingHttpHeaders
}

/** Node's data about a message for its entry. */
export interface Measurement {
  readonly type: 'http'
  readonly name: 'HttpRequest' | 'HttpClient'
  readonly startTime: number
  readonly detail: { readonly req: Asked }
}

/** The symbol under which Node's responses have it. Unknown before a program observes. */
let key: symbol | undefined

const STOPPED = Symbol('ferrohttp.stopped')

function stop(): never {
  throw STOPPED
}

function isMeasurement(value: unknown): boolean {
  return (value as Partial<Measurement> | null | undefined)?.type === 'http'
}

/** Finds the symbol: Node measures responses that are made while a program observes, so one response shows it. */
function findSymbol(): void {
  if (key !== undefined) return
  const response = Object.create(NodeResponse.prototype)
  // The rest would appear in the log of trace events.
  Object.defineProperty(response, '_traceEventId', { set: stop })
  try {
    unpublished(channel('http.server.response.created'), () => beginResponse(response))
  } catch (reason) {
    if (reason !== STOPPED) throw reason
  }
  key = Object.getOwnPropertySymbols(response).find((symbol) => isMeasurement(response[symbol]))
}

const { observe } = PerformanceObserver.prototype

PerformanceObserver.prototype.observe = {
  observe(this: PerformanceObserver, ...options: Parameters<typeof observe>) {
    observe.apply(this, options)
    findSymbol()
  },
}.observe as typeof observe

// An observer may be older than this module.
findSymbol()

/** Whether a program has ever observed. Otherwise nothing is measured. */
export function isObserved(): boolean {
  return key !== undefined
}

/** A request begins. */
export function measure(name: Measurement['name'], { method, url, headers }: Asked): Measurement {
  return { type: 'http', name, startTime: performance.now(), detail: { req: { method, url, headers } } }
}

/** The request has been answered. */
export function reportMeasured(measurement: Measurement, { statusCode, statusMessage, headers }: Answered): void {
  finish(NodeResponse, { [key!]: measurement, statusCode, statusMessage, getHeaders: () => headers })
}
