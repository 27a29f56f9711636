/**
 * What async_hooks sees of Node's sockets, for those whose bytes an I/O thread carries: resources of the same types,
 * triggered by the same others (Node doc heading "async_hooks", `type` and `triggerAsyncId`). Each is one of a server, of
 * a connection or of what happens once in a connection's life; none is a request's. As with libuv's handles it is told
 * when they end.
 */
import { AsyncResource } from 'node:async_hooks'

import { withoutDomain } from './isolated-callbacks.js'

type SocketType = 'TCPWRAP' | 'PIPEWRAP'

function triggeredBy(cause: AsyncResource, type: string): AsyncResource {
  return new AsyncResource(type, { triggerAsyncId: cause.asyncId(), requireManualDestroy: true })
}

/** A listening socket. Its context, that of `listen()`, is what all that peers do comes in; it has nobody's domain. */
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

/** A client's socket: of nobody but the caller. */
export class SocketResource extends AsyncResource {
  readonly type: SocketType
  /** The resource of the socket's first use, in those of later ones: see `reused`. */
  declare readonly handle?: SocketResource

  constructor(type: SocketType) {
    super(type, { requireManualDestroy: true })
    this.type = type
  }

  /** The attempt to connect. */
  connect(): AsyncResource {
    return triggeredBy(this, this.type === 'TCPWRAP' ? 'TCPCONNECTWRAP' : 'PIPECONNECTWRAP')
  }

  /** The resource of the socket's next use: from here on it belongs to another request, whose context this is called in. */
  reused(): SocketResource {
    this.emitDestroy()
    const next = new SocketResource(this.type) as { handle?: SocketResource }
    next.handle = this.handle ?? this
    return next as SocketResource
  }
}

/** Our end of a connection is being closed. */
export function shutDown(socket: AsyncResource): AsyncResource {
  return triggeredBy(socket, 'SHUTDOWNWRAP')
}
