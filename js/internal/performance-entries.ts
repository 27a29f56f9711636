/**
 * Entries of type 'http' for PerformanceObserver (Node doc heading "PerformanceObserver supported entry types"). Only Node
 * can make them, and it does when one of its responses finishes; so what finishes here is told as such a response.
 */
import { channel } from 'node:diagnostics_channel'
import http, { type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { performance, PerformanceObserver } from 'node:perf_hooks'

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

/** What Node keeps of a message for its entry. */
export interface Measurement {
  readonly type: 'http'
  readonly name: 'HttpRequest' | 'HttpClient'
  readonly startTime: number
  readonly detail: { readonly req: Asked }
}

/** The register module puts ours in its place. */
const NodeResponse = http.ServerResponse as unknown as {
  new (request: object): Record<symbol, unknown>
  readonly prototype: { _finish(): void }
}

/** Where Node's responses keep it; unknown before somebody observes. */
let key: symbol | undefined

function isMeasurement(value: unknown): boolean {
  return (value as Partial<Measurement> | null | undefined)?.type === 'http'
}

/** Node measures the responses that are made while somebody observes: one is enough to see where. */
function learn(): void {
  if (key !== undefined) return
  const created = channel('http.server.response.created')
  // This one is nobody's.
  created.publish = () => {}
  const request = { method: 'GET', url: '/', headers: {}, httpVersionMajor: 1, httpVersionMinor: 1 }
  const response = new NodeResponse(request)
  delete (created as Partial<typeof created>).publish
  key = Object.getOwnPropertySymbols(response).find((symbol) => isMeasurement(response[symbol]))
}

const { observe } = PerformanceObserver.prototype

PerformanceObserver.prototype.observe = {
  observe(this: PerformanceObserver, ...options: Parameters<typeof observe>) {
    observe.apply(this, options)
    learn()
  },
}.observe as typeof observe

// An observer may be older than this module.
learn()

/** Whether anybody has ever observed: otherwise nothing need be measured. */
export function isObserved(): boolean {
  return key !== undefined
}

/** A request begins. */
export function measure(name: Measurement['name'], { method, url, headers }: Asked): Measurement {
  return { type: 'http', name, startTime: performance.now(), detail: { req: { method, url, headers } } }
}

/** It has been answered. */
export function tellMeasured(measurement: Measurement, { statusCode, statusMessage, headers }: Answered): void {
  const response = Object.create(NodeResponse.prototype)
  // One without a socket has nothing to finish.
  response.socket = {}
  Object.assign(response, { [key!]: measurement, statusCode, statusMessage, getHeaders: () => headers })
  NodeResponse.prototype._finish.call(response)
}
