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
import { attach } from '../../outgoing.js'
import { environment } from '../bridge/environment.js'
import { methods } from '../bridge/native.js'
import type { RequestRecord } from '../bridge/record-reader.js'
import { kBody, kEnd } from '../bridge/transport.js'
import { watchFor } from '../node-parity/observers.js'
import { Connection } from './connection.js'

const METHODS = methods()
/** Whether a program would notice the kept messages. */
const isWatched = watchFor(
  ['http.server.request.start', 'http.server.response.created', 'http.server.response.finish'],
  () => {
    const request = IncomingMessage.prototype
    const response = ServerResponse.prototype
    return [
      request.on,
      request.emit,
      request.push,
      request.read,
      request.destroy,
      response.emit,
      response.writeHead,
      response.end,
    ]
  },
)

/** In place of a scope, whose creation programs can see. */
const scope = {} as AsyncResource

const kept: unknown[] = []
let isDone = false

/**
 * Makes the objects of a GET and of a POST that no peer has sent. Only the first call of the process does something. None of the
 * objects calls a server, a scope or an I/O thread: V8 would remember a second hidden class at places that see only one otherwise.
 *
 * @param makeServer returns a server that never listens
 */
export function keepHiddenClasses(makeServer: () => Server): void {
  if (isDone) return
  isDone = true
  if (isWatched()) return
  const server = makeServer()
  const { request, response } = message(server, head('GET'))
  response.end('.')
  request[kEnd]('')
  const upload = message(server, head('POST'))
  upload.request.on('data', () => {}).on('end', () => upload.response.end('.'))
  // As external memory of an I/O thread arrives: Node makes its class from that of Uint8Array.
  const part = Object.setPrototypeOf(new Uint8Array(1), Buffer.prototype) as Buffer
  kept.push(part)
  upload.request[kBody](part)
  upload.request[kEnd]('')
}

/** What `RequestReader.onHead` and the server do with a head. The connection has closed, so that nothing is sent. */
function message(server: Server, record: RequestRecord): { request: IncomingMessage; response: ServerResponse } {
  const connection = new Connection(-1, 0, server, environment, scope)
  connection.closed = true
  const request = new IncomingMessage(connection)
  fillHead(request, record, METHODS[record.line & 0xff]!)
  const response = new ServerResponse(request)
  response._maxRequestsPerSocket = 0
  attach(response, connection)
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  kept.push(connection, request, response)
  return { request, response }
}

function head(method: string): RequestRecord {
  const line = (HTTP_1_1 << 8) | METHODS.indexOf(method)
  return { flags: 0, line, targetLength: 1, fieldCount: 1, block: '/\nhost\nnobody', after: null }
}
