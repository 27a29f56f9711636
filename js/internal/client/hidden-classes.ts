/**
 * Keeps a client's code compiled while it has no connections, as `server/hidden-classes.ts` does that of a server. A request and
 * its response, with connection and socket, stay for a method without a body and for one with a body.
 */
import type { ClientRequest } from '../../client.js'
import { fillResponseHead, HTTP_1_1, IncomingMessage } from '../../incoming.js'
import * as r from '../../native/records.js'
import { kBody, kEnd, kSettle } from '../bridge/transport.js'
import type { SocketResource } from '../node-parity/async-resources.js'
import type { ClientOptions } from './options.js'
import { watchFor } from '../node-parity/observers.js'
import { kConnection } from '../socket/native-socket.js'
import { kTransport } from '../symbols.js'
import { ClientSocket } from './socket.js'

const OK = {
  flags: 0,
  line: (HTTP_1_1 << r.LINE_STATUS_BITS) | 200,
  reasonLength: 2,
  fieldCount: 1,
  block: 'OK\nserver\nnobody',
  after: null,
}

/** In place of an agent, which would connect. */
const agent = { addRequest() {}, keepAlive: true, maxSockets: 1, defaultPort: 80, protocol: 'http:', options: {} }

/** In place of an async resource, whose creation programs can see. */
const resource = { asyncId: () => 0 } as SocketResource

const kept: unknown[] = []

/**
 * Returns a function that makes the objects when it is first called. Nothing is connected, so nothing is sent.
 *
 * @param prototype that of requests, as we made it
 * @param makeRequest makes a request
 */
export function classKeeper(
  prototype: ClientRequest,
  makeRequest: (options: ClientOptions) => ClientRequest,
): () => void {
  let isDone = false
  const isWatched = watchFor(
    ['http.client.request.created', 'http.client.request.start', 'http.client.response.finish'],
    () => {
      const { on, emit, push, read } = IncomingMessage.prototype
      return [prototype.once, prototype.emit, prototype.setHeader, prototype.write, prototype.end, on, emit, push, read]
    },
  )
  return () => {
    if (isDone) return
    isDone = true
    if (isWatched()) return
    exchange(makeRequest, 'GET')
    exchange(makeRequest, 'POST', '.')
  }
}

function exchange(makeRequest: (options: ClientOptions) => ClientRequest, method: string, body?: string): void {
  const socket = new ClientSocket(resource, 0, 0)
  // What ClientSocket and NativeClient do to connect.
  socket.connecting = false
  socket.autoSelectFamilyAttemptedAddresses = []
  socket.timeout = 0
  const connection = socket[kConnection]
  connection.closed = true
  const request = makeRequest({ agent: agent as never, host: 'nobody', path: '/', method })
  request.end(body)
  request[kTransport] = connection
  // What `onResponse` of exchange.ts does.
  const response = new IncomingMessage(connection)
  fillResponseHead(response, OK, 0)
  request.res = response
  response.req = request
  response.on('data', () => {}).on('end', () => {})
  response[kBody](Buffer.from('.'))
  response[kEnd]('')
  request[kSettle]()
  kept.push(socket, connection, request, response)
}
