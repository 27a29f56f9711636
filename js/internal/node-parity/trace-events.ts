/**
 * Trace events of category 'node.http' (Node doc heading "Trace events"): begin and end of each request that a server receives
 * and of each that a client sends. Only Node can write to its log, which it does when its own classes work. So stand-ins of
 * Node's classes begin and end for our messages.
 */
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import { isMainThread } from 'node:worker_threads'

import { beginResponse, finish, NodeRequest, NodeResponse, unpublished } from './stand-ins.js'

const CATEGORY = 'node.http'

/** Node's note on a message whose begin is in the log. */
export interface Traced {
  _traceEventId?: number
}

interface TraceEvents {
  createTracing(options: { categories: string[] }): object
  getEnabledCategories(): string | undefined
}

/** Node's function for a response's head; `this` is the parser. */
type TakeHead = (this: object, response: EventEmitter, keepAlive: boolean) => void

/** A request of Node's that has its socket. */
type Connected = EventEmitter & { readonly parser: { readonly onIncoming: TakeHead } }

const responseCreated = channel('http.server.response.created')
const requestCreated = channel('http.client.request.created')
const requestStart = channel('http.client.request.start')
const responseFinish = channel('http.client.response.finish')

let enabled = false
let takeHead: TakeHead | undefined

/** Whether events are logged. Read once for each message. */
export function isTraced(): boolean {
  return enabled
}

/** Copies Node's note from `standIn` to `message`. */
function note(message: Traced, standIn: Traced): void {
  if (standIn._traceEventId !== undefined) message._traceEventId = standIn._traceEventId
}

/** A server has a request to answer. */
export function responseBegins(response: Traced): void {
  const standIn = Object.create(NodeResponse.prototype)
  unpublished(responseCreated, () => beginResponse(standIn))
  note(response, standIn)
}

/** The program has answered the request. */
export function responseEnds({ _traceEventId }: Traced, url: string | undefined, statusCode: number): void {
  if (_traceEventId === undefined) return
  finish(NodeResponse, { req: { url }, statusCode, _traceEventId })
}

/** A client has made its request. */
export function requestBegins(request: Traced): void {
  const standIn = unpublished(requestStart, () => finish(NodeRequest, { getHeaders: () => ({}) }))
  note(request, standIn as Traced)
}

/** The response of a client's request has begun. */
export function requestEnds({ _traceEventId, path }: Traced & { path: string }, statusCode: number): void {
  const take = takeHead
  if (_traceEventId === undefined || take === undefined) return
  const request = Object.assign(new EventEmitter(), { method: 'GET', path, _traceEventId })
  // A listener for 'response' handles the body.
  request.on('response', () => {})
  const socket = Object.assign(new EventEmitter(), { _httpMessage: request })
  const response = Object.assign(new EventEmitter(), { statusCode })
  unpublished(responseFinish, () => take.call({ socket }, response, true))
}

/** Finds Node's function for responses, with a request that is not sent. */
function findHeadFunction(): void {
  if (takeHead !== undefined) return
  const nowhere = new Duplex({ read() {}, write() {} })
  const make = (): Connected => new NodeRequest({ createConnection: () => nowhere }) as Connected
  const request = unpublished(requestCreated, make)
  request.on('socket', () => {
    takeHead = request.parser.onIncoming
  })
}

/** Null in worker threads, where Node does not have it. */
function load(): TraceEvents | null {
  try {
    return require('node:trace_events')
  } catch {
    return null
  }
}

/** For workers: the log is that of the process, whose flags they know. */
function isAskedByFlag(): boolean {
  return !isMainThread && [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').includes(CATEGORY)
}

/**
 * Asks Node, which takes too long for each message. Done when a program has enabled or disabled categories, and for each
 * connection, because an inspector (`NodeTracing.start`) gives no notice.
 */
export function lookForTracing(): void {
  if (events === null) return
  enabled = events.getEnabledCategories()?.split(',').includes(CATEGORY) ?? false
  if (enabled) findHeadFunction()
}

/** Watches for each `enable` and `disable`. */
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
  findHeadFunction()
}
