/**
 * The interface between a ClientRequest and its connection. `native-client.ts` implements it natively, `stream-client.ts` over any
 * Duplex. A connection reports events to its request by the functions of `exchange.ts`.
 *
 * A connection serves one request at a time: `attach` sets it, `detach` removes it when the exchange is over in both directions,
 * and then the agent may attach the next one.
 */
import type { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'

import type { ClientRequest } from '../../client.js'
import type { MessageSource, MessageTransport } from '../bridge/transport.js'

export interface ClientConnection extends MessageTransport {
  /** The source of a response, see IncomingMessage. */
  readonly source: Socket | MessageSource
  /** The current request. Null between two requests. */
  readonly request: ClientRequest | null
  /** The request's async context, for notifications that have none of their own. */
  readonly scope?: AsyncResource | null

  /** Reports events to `request` from now on, in the async context of this call. */
  attach(request: ClientRequest): void
  /** A response has begun, or (false) ended. In between it emits the socket's 'timeout', too. */
  setResponding(on: boolean): void
  /** The exchange is over, and the connection can serve another one. */
  detach(): void
  /** No request has taken the connection at once. Bytes that arrive from now on are unsolicited, and end the connection. */
  becomeIdle(): void
  /** The program takes the connection over: nothing is read from it here, and all listeners are removed. */
  handOver(): void
  /** Stops reading while the response's consumer is slow. `resume` when it can read again, or has read everything. */
  pause(): void
  resume(): void
  /** Closes the connection after all written bytes have been sent, because no request follows. */
  finish(): void
  /** Suppresses the next error, because the request has emitted one already. */
  failed: boolean
}
