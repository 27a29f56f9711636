/**
 * Handles a connection's events for its request: what happens then to request, response and connection. Follows the events that
 * Node's documentation lists under `http.request`.
 */
import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

import type { ClientRequest } from '../../client.js'
import { fillResponseHead, IncomingMessage } from '../../incoming.js'
import type { ClientConnection } from './connection.js'
import { debug } from '../debug.js'
import { connectionReset } from '../errors.js'
import type { ResponseRecord } from '../bridge/record-reader.js'
import * as r from '../../native/records.js'
import { reportMeasured, type Answered } from '../node-parity/performance-entries.js'
import { QUEUED_AGAIN } from '../message/outgoing-state.js'
import { kMeasured, kState, kTransport } from '../symbols.js'
import { isTraced, requestEnds } from '../node-parity/trace-events.js'
import { kBody, kEnd, type MessagePart } from '../bridge/transport.js'
import { queueEnd } from '../message/sending.js'

const failure = diagnostics.channel('http.client.request.error')
const responded = diagnostics.channel('http.client.response.finish')

/** Largest number of fields of a response when `maxHeadersCount` is not set. */
const DEFAULT_FIELDS = 1000

const CONTINUE = 100

/** The request's connection, or undefined while it has none. */
export function connectionOf(request: ClientRequest): ClientConnection | null {
  return request[kTransport] as ClientConnection | null
}

export function emitError(request: ClientRequest, error: Error): void {
  if (failure.hasSubscribers) failure.publish({ request, error })
  request.emit('error', error)
}

/** The request is over. */
export function emitClose(request: ClientRequest): void {
  request._closed = true
  request.emit('close')
}

export function onResponse(request: ClientRequest, connection: ClientConnection, head: ResponseRecord): void {
  debug?.('AGENT incoming response!')
  const { flags, line } = head
  const response = new IncomingMessage(connection.source)
  response.joinDuplicateHeaders = request.joinDuplicateHeaders as boolean
  const limit = request.maxHeadersCount
  const status = line & r.LINE_STATUS_MASK
  const maxFields = typeof limit === 'number' ? limit : DEFAULT_FIELDS
  fillResponseHead(response, head, maxFields)
  if ((flags & r.RESPONSE_INFORMATION) !== 0) {
    onInformation(request, response)
    return
  }
  request.res = response
  if ((flags & r.RESPONSE_UPGRADE) !== 0) {
    onUpgrade(request, connection, response, head.after ?? Buffer.alloc(0))
    return
  }
  if ((flags & r.RESPONSE_KEEP_ALIVE) === 0 && !request.upgradeOrConnect) request.shouldKeepAlive = false
  if (request[kMeasured] !== null) reportMeasured(request[kMeasured], response as Answered)
  if (responded.hasSubscribers) responded.publish({ request, response })
  if (isTraced()) requestEnds(request, status)
  response.req = request
  response.on('end', onResponseEnd)
  connection.setResponding(true)
  if (request.aborted || !request.emit('response', response)) response._dump()
}

function onInformation(request: ClientRequest, response: IncomingMessage): void {
  if (response.statusCode === CONTINUE) request.emit('continue')
  const { statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor, headers, rawHeaders } = response
  request.emit('information', {
    statusCode,
    statusMessage,
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
    headers,
    rawHeaders,
  })
}

/** An upgrade: the program takes the connection over, if it has a listener. */
function onUpgrade(
  request: ClientRequest,
  connection: ClientConnection,
  response: IncomingMessage,
  after: Buffer,
): void {
  response.upgrade = true
  response[kEnd]('')
  const event = request.method === 'CONNECT' ? 'connect' : 'upgrade'
  const { socket } = connection
  if (request.listenerCount(event) === 0) {
    socket.destroy()
    return
  }
  request.upgradeOrConnect = true
  // The socket leaves the agent, whose limits do not count it any more.
  socket.emit('agentRemove')
  connection.handOver()
  request.parser = null
  // The socket keeps its timeout, as in Node.
  if (request.timeoutCb !== null) socket.removeListener('timeout', request.timeoutCb)
  request.timeoutCb = null
  request.emit(event, response, socket, after)
  request.destroyed = true
  emitClose(request)
}

export function onBody(request: ClientRequest, connection: ClientConnection, chunk: Buffer): void {
  const response = request.res
  if (response !== null && !response[kBody](chunk)) connection.pause()
}

export function onEnd(request: ClientRequest, connection: ClientConnection, flags: number, trailers: string): void {
  // The trailers may have announced the close that the head did not. Later bytes must not become the response to another request.
  if ((flags & r.END_LAST) !== 0) request.shouldKeepAlive = false
  request.res?.[kEnd](trailers)
  connection.resume()
}

/** The response has been read to its end. */
function onResponseEnd(this: IncomingMessage): void {
  const request = this.req as ClientRequest
  const connection = connectionOf(request)
  if (request.timeoutCb !== null) request.socket?.removeListener('timeout', request.timeoutCb)
  connection?.setResponding(false)
  request._ended = true
  if (!request.shouldKeepAlive) debug?.('AGENT socket.destroySoon()')
  if (!request.shouldKeepAlive) connection?.finish()
  else if (request.writableFinished && !this.aborted) release(request)
}

/** The request has been sent. Its response may have ended before. */
export function onFinish(request: ClientRequest): void {
  if (request.shouldKeepAlive && request._ended) release(request)
}

/** The exchange is over in both directions. The agent gets the connection back a tick later. */
function release(request: ClientRequest): void {
  const connection = connectionOf(request)
  if (connection === null || connection.request !== request) return
  if (request.timeoutCb !== null) {
    connection.socket.setTimeout(0, request.timeoutCb)
    request.timeoutCb = null
  }
  debug?.('AGENT socket keep-alive')
  connection.detach()
  request.parser = null
  process.nextTick(emitFree, request, connection)
  request.destroyed = true
  // Destroying this response later must not destroy the connection of the next request.
  if (request.res !== null) request.res.socket = null
}

function emitFree(request: ClientRequest, connection: ClientConnection): void {
  emitClose(request)
  connection.socket.emit('free')
  connection.becomeIdle()
}

/** The socket has been idle for too long while a response was arriving. */
export function onResponseTimeout(request: ClientRequest): void {
  request.res?.emit('timeout')
}

/** The peer has sent malformed bytes, and the connection is being destroyed. */
export function onParseError(request: ClientRequest, connection: ClientConnection, error: Error): void {
  debug?.('parse error %s', error.message)
  connection.failed = true
  emitError(request, error)
}

/** The peer has sent FIN before its response. */
export function onHangUp(request: ClientRequest, connection: ClientConnection): void {
  if (connection.failed) return
  connection.failed = true
  emitError(request, connectionReset('socket hang up'))
}

export function onSocketError(request: ClientRequest, connection: ClientConnection, error: Error): void {
  debug?.('SOCKET ERROR: %s', error.message)
  // The same fault may cause further errors.
  connection.failed = true
  emitError(request, error)
  const response = request.res
  if (response !== null && !response.complete && endsWithConnection(response)) response[kEnd]('')
}

/**
 * Whether the body of a response ends with the connection (RFC 9112 section 6.3). Node considers such a response complete even when
 * the connection has broken, unlike section 8.
 */
function endsWithConnection({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
}

/** Detaches a request of which nothing was sent from its connection, and queues it again. `part` is the whole request. */
export function queueAgain(request: ClientRequest, socket: Socket, part: MessagePart): void {
  const { timeout } = socket
  const listener = request.timeoutCb
  if (listener !== null) socket.removeListener('timeout', listener)
  request.once('socket', (other: Socket) => {
    if (timeout !== undefined) other.setTimeout(timeout)
    if (listener !== null && !other.listeners('timeout').includes(listener)) other.once('timeout', listener)
  })
  request.parser = null
  request[kTransport] = null
  request.reusedSocket = false
  request[kState] |= QUEUED_AGAIN
  request._headerSent = false
  queueEnd(request, part.body, part.encoding, false)
}

/** The connection has closed. */
export function onClose(request: ClientRequest, connection: ClientConnection): void {
  debug?.('HTTP socket close')
  request.destroyed = true
  const response = request.res
  if (response === null) onHangUp(request, connection)
  else if (!response.complete) response.destroy(connectionReset('aborted'))
  emitClose(request)
  // Node's parser completes it when it is freed, after the abort has been reported.
  if (response !== null && !response.complete && endsWithConnection(response)) response.complete = true
  // The request will not be sent.
  request.outputData.length = 0
  request.parser = null
}
