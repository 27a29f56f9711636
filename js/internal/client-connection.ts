/**
 * The border between a ClientRequest and the connection that carries it. `stream-client.ts` implements it over any
 * Duplex; what a connection tells its request is in `exchange.ts`.
 *
 * A connection serves one request at a time: `attach` gives it one, `detach` takes it away once the exchange is over in
 * both directions, and the agent may then attach the next.
 */
import type { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'

import type { ClientRequest } from '../client.js'
import type { MessageSource, MessageTransport } from './transport.js'

export interface ClientConnection extends MessageTransport {
  /** What a response is made from: see IncomingMessage. */
  readonly source: Socket | MessageSource
  /** The request whose turn it is, null between two of them. */
  readonly request: ClientRequest | null
  /** The request's async context, where what tells that it has been sent comes without one. */
  readonly scope?: AsyncResource | null

  /** From now on everything that happens is told to `request`, in the async context of this call. */
  attach(request: ClientRequest): void
  /** A response has begun, or (false) ended: the socket's 'timeout' is its, too. */
  responding(on: boolean): void
  /** The exchange is over, and the connection is fit for another one. */
  detach(): void
  /** Nobody took the connection at once: whatever it brings from now on was not asked for, and ends it. */
  rest(): void
  /** The connection is the user's: nothing is read from it, nothing listened to any more. */
  handOver(): void
  /** The response's consumer cannot keep up: no bytes for now. `resume` when it can, or has all there is. */
  pause(): void
  resume(): void
  /** No request is to follow: the connection is closed once what was written has left. */
  finish(): void
  /** Whoever fails next keeps quiet: the request has been told already. */
  failed: boolean
}
