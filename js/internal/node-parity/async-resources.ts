/**
 * Async resources for sockets whose bytes an I/O thread carries, so that async_hooks sees the same types and triggers as with
 * Node's sockets (Node doc heading "async_hooks", `type` and `triggerAsyncId`). There is one for a server, one for a connection,
 * and one for each event that happens once in a connection's life; requests have none. As with libuv's handles their end is
 * reported.
 */
import { AsyncResource } from 'node:async_hooks'

import { withoutDomain } from './isolated-callbacks.js'

type SocketType = 'TCPWRAP' | 'PIPEWRAP'

function triggeredBy(cause: AsyncResource, type: string): AsyncResource {
  return new AsyncResource(type, { triggerAsyncId: cause.asyncId(), requireManualDestroy: true })
}

/** A listening socket. All events of peers are emitted in its context, which is that of `listen()`, and in no domain. */
export class ListenResource extends AsyncResource {
  readonly #type: SocketType

  private constructor(isPath: boolean) {
    super(isPath ? 'PIPESERVERWRAP' : 'TCPSERVERWRAP', { requireManualDestroy: true })
    this.#type = isPath ? 'PIPEWRAP' : 'TCPWRAP'
  }

  static begin(isPath: boolean): ListenResource {
    return withoutDomain(() => new ListenResource(isPath))
  }

  /** A connection that has been accepted. */
  accept(): AsyncResource {
    return triggeredBy(this, this.#type)
  }
}

/** A client's socket, triggered by the caller. */
export class SocketResource extends AsyncResource {
  readonly type: SocketType
  /** For later uses of the socket: the resource of its first use, see `reused`. */
  declare readonly handle?: SocketResource

  constructor(type: SocketType) {
    super(type, { requireManualDestroy: true })
    this.type = type
  }

  /** The attempt to connect. */
  connect(): AsyncResource {
    return triggeredBy(this, this.type === 'TCPWRAP' ? 'TCPCONNECTWRAP' : 'PIPECONNECTWRAP')
  }

  /** The resource of the socket's next use, by another request, in whose context this is called. */
  reused(): SocketResource {
    this.emitDestroy()
    const next = new SocketResource(this.type) as { handle?: SocketResource }
    next.handle = this.handle ?? this
    return next as SocketResource
  }
}

/** The shutdown of our direction of a connection. */
export function shutDown(socket: AsyncResource): AsyncResource {
  return triggeredBy(socket, 'SHUTDOWNWRAP')
}
