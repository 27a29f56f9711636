/**
 * Keeps a server's code compiled while it has no connections. V8 holds a hidden class only as long as an object has it, and
 * discards the compiled functions that know a hidden class which a collection has freed. A full collection between two bursts
 * of requests would free those of connections, requests and responses, and the first requests of the next burst would cost three times as
 * much. So one connection stays for each kind of request. No peer and no program sees them, and no bytes of a peer are in them.
 */
import type { AsyncResource } from 'node:async_hooks'

import { fillHead, HTTP_1_1, IncomingMessage } from '../../incoming.js'
import { ServerResponse } from '../../response.js'
import type { Server } from '../../server.js'
import * as r from '../../native/records.js'
import { environment } from '../bridge/environment.js'
import { methods } from '../bridge/native.js'
import { kBody, kEnd } from '../bridge/transport.js'
import { watchFor } from '../node-parity/observers.js'
import { Connection } from './connection.js'

const METHODS = methods()
/** Whether a program would notice the kept messages. */
const isWatched = watchFor(['http.server.request.start', 'http.server.response.created'], () => {
  const { on, emit, push, read, destroy } = IncomingMessage.prototype
  return [on, emit, push, read, destroy]
})

/** In place of a scope, whose creation programs can see. */
const scope = {} as AsyncResource

/** What each server keeps. Its objects name the server, and go with it. */
const kept = new WeakMap<Server, unknown[]>()

/**
 * Makes the objects of a GET and of a POST that no peer has sent, unless the server has them. They name `server` itself and call as
 * little of our code as they can: V8 compiles a function for the objects that it has seen, and a second server costs each request 10 %.
 */
export function keepHiddenClasses(server: Server): void {
  if (kept.has(server)) return
  const objects: unknown[] = []
  kept.set(server, objects)
  if (isWatched()) return
  exchange(server, 'GET', objects)
  const upload = exchange(server, 'POST', objects)
  upload.on('data', () => {}).on('end', () => {})
  // As external memory of an I/O thread arrives: Node makes its class from that of Uint8Array.
  const part = Object.setPrototypeOf(new Uint8Array(1), Buffer.prototype) as Buffer
  objects.push(part)
  upload[kBody](part)
  upload[kEnd]('')
}

/** What `RequestReader.onHead` makes of a head, and its answer. The connection has closed, so that nothing is sent. */
function exchange(server: Server, method: string, objects: unknown[]): IncomingMessage {
  const connection = new Connection(-1, 0, server, environment, scope)
  connection.closed = true
  const request = new IncomingMessage(connection)
  const line = (HTTP_1_1 << r.LINE_METHOD_BITS) | METHODS.indexOf(method)
  fillHead(request, { flags: 0, line, targetLength: 1, fieldCount: 1, block: '/\nhost\nnobody', after: null }, method)
  const response = new ServerResponse(request)
  response._maxRequestsPerSocket = 0
  response.statusMessage = 'OK'
  response.statusCode = 200
  objects.push(connection, request, response)
  return request
}
