/**
 * Trace events of category 'node.http' (Node doc heading "Trace events"): of each request that a server takes and of each
 * that a client makes, its begin and its end. Only Node can write to its log, and it does when its own classes do their
 * work; so what begins and ends here is told as theirs.
 */
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import { isMainThread } from 'node:worker_threads'

import { beginResponse, finish, NodeRequest, NodeResponse, unpublished } from './stand-ins.js'

const CATEGORY = 'node.http'

/** What Node notes on a message whose begin is in the log. */
export interface Traced {
  _traceEventId?: number
}

interface TraceEvents {
  createTracing(options: { categories: string[] }): object
  getEnabledCategories(): string | undefined
}

/** How Node's client takes a response's head; `this` is the parser. */
type TakeHead = (this: object, response: EventEmitter, keepAlive: boolean) => void

/** A request of Node's that has its socket. */
type Connected = EventEmitter & { readonly parser: { readonly onIncoming: TakeHead } }

const responseCreated = channel('http.server.response.created')
const requestCreated = channel('http.client.request.created')
const requestStart = channel('http.client.request.start')
const responseFinish = channel('http.client.response.finish')

let enabled = false
let takeHead: TakeHead | undefined

/** Whether anything is to be told; asked once for each message. */
export function isTraced(): boolean {
  return enabled
}

/** Node has noted on `standIn` what it wrote of `message`, if it did. */
function note(message: Traced, standIn: Traced): void {
  if (standIn._traceEventId !== undefined) message._traceEventId = standIn._traceEventId
}

/** A server has a request to answer. */
export function responseBegins(response: Traced): void {
  const standIn = Object.create(NodeResponse.prototype)
  unpublished(responseCreated, () => beginResponse(standIn))
  note(response, standIn)
}

/** It has been answered, as far as the program has to do with it. */
export function responseEnds({ _traceEventId }: Traced, url: string | undefined, statusCode: number): void {
  if (_traceEventId === undefined) return
  finish(NodeResponse, { req: { url }, statusCode, _traceEventId })
}

/** A client has made its request. */
export function requestBegins(request: Traced): void {
  const standIn = unpublished(requestStart, () => finish(NodeRequest, { getHeaders: () => ({}) }))
  note(request, standIn as Traced)
}

/** Its response has begun. */
export function requestEnds({ _traceEventId, path }: Traced & { path: string }, statusCode: number): void {
  const take = takeHead
  if (_traceEventId === undefined || take === undefined) return
  const request = Object.assign(new EventEmitter(), { method: 'GET', path, _traceEventId })
  // Whoever listens for it takes care of its body.
  request.on('response', () => {})
  const socket = Object.assign(new EventEmitter(), { _httpMessage: request })
  const response = Object.assign(new EventEmitter(), { statusCode })
  unpublished(responseFinish, () => take.call({ socket }, response, true))
}

/** A request of Node's that goes nowhere shows what takes its response. */
function learn(): void {
  if (takeHead !== undefined) return
  const nowhere = new Duplex({ read() {}, write() {} })
  const make = (): Connected => new NodeRequest({ createConnection: () => nowhere }) as Connected
  const request = unpublished(requestCreated, make)
  request.on('socket', () => {
    takeHead = request.parser.onIncoming
  })
}

/** Only the main thread can ask; in others Node has none. */
function load(): TraceEvents | null {
  try {
    return require('node:trace_events')
  } catch {
    return null
  }
}

/** What workers go by: the log is that of the process, and its flags are known to them. */
function isAskedByFlag(): boolean {
  return !isMainThread && [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').includes(CATEGORY)
}

/**
 * Asks Node, which takes too long to be done for each message. Done when a program has turned something on or off, and for
 * each connection: an inspector (`NodeTracing.start`) tells nobody.
 */
export function lookForTracing(): void {
  if (events === null) return
  enabled = events.getEnabledCategories()?.split(',').includes(CATEGORY) ?? false
  if (enabled) learn()
}

/** Has each `enable` and `disable` looked for. */
function follow(events: TraceEvents): void {
  const tracing = Object.getPrototypeOf(events.createTracing({ categories: [CATEGORY] }))
  for (const name of ['enable', 'disable'] as const) {
    const own = tracing[name]
    tracing[name] = {
      [name](this: object) {
        own.call(this)
        lookForTracing()
      },
    }[name]
  }
}

const events = load()
if (events !== null) {
  follow(events)
  lookForTracing()
} else if (isAskedByFlag()) {
  enabled = true
  learn()
}
