/**
 * A server on a libuv handle: the one that a cluster's primary shares with its workers, another server's, or a descriptor's. Node
 * accepts, as documented for such a handle, and each accepted socket goes to an I/O thread before a byte of it is read.
 */
import { AsyncResource } from 'node:async_hooks'

import type { Server } from '../../server.js'
import { environment } from '../bridge/environment.js'
import { adoptConnection, type BindingGuard, type ServerConfig } from '../bridge/native.js'
import { ListenResource } from '../node-parity/async-resources.js'
import { kOpened } from '../symbols.js'

/** As in Node a connection has no async context, although the callback of the listening handle has one. */
const NO_SCOPE = new AsyncResource('FERROHTTPADOPTER', { requireManualDestroy: true })

/** A connection that libuv has accepted, or that has come from another process. */
interface AcceptedHandle {
  /** Undefined or negative where libuv has no descriptors (Windows). */
  readonly fd?: number
  close(): void
}

type OnConnection = (this: unknown, status: number, accepted?: AcceptedHandle) => void

/** A listening handle, or the substitute for the primary's handle in a worker. */
export interface AcceptingHandle {
  /** Called for each connection. */
  onconnection?: OnConnection
  /** TCP handles only. */
  getsockname?: unknown
}

export class Adopter {
  /** The async resource of the listening socket. */
  readonly resource: ListenResource
  readonly #id: number

  /**
   * @param handle a handle that net.Server has set up
   * @param isServed returns whether the server reads HTTP from new connections now
   */
  constructor(
    server: Server,
    handle: AcceptingHandle,
    settings: { config: ServerConfig; guard: BindingGuard | undefined },
    isServed: () => boolean,
  ) {
    this.resource = ListenResource.begin(handle.getsockname === undefined)
    this.#id = environment.native.openServer(settings.config, settings.guard)
    const id = this.#id
    environment.servers.set(id, server)
    const nodes = handle.onconnection
    if (nodes === undefined) return
    handle.onconnection = function onconnection(status, accepted) {
      const fd = accepted?.fd ?? -1
      // Node reports failures, and drops a connection beyond maxConnections.
      if (status !== 0 || fd < 0 || !isServed() || isFull(server)) return nodes.call(this, status, accepted)
      const { errno, slot, generation, addresses } = adoptConnection(environment.native, id, fd)
      // There is no further descriptor, or I/O threads cannot be started, so JavaScript's thread serves the connection.
      if (errno !== 0) return nodes.call(this, status, accepted)
      // This handle has read nothing, and the I/O thread has a descriptor of its own.
      accepted!.close()
      NO_SCOPE.runInAsyncScope(server[kOpened], server, slot, generation, addresses)
    }
  }

  configure(settings: ServerConfig): void {
    environment.native.configure(this.#id, settings)
  }

  /** The server is being drained. */
  announceDrain(): void {
    environment.native.setDraining(this.#id, true)
  }

  /** No more connections will be accepted. */
  close(): void {
    environment.servers.delete(this.#id)
    environment.native.closeListener(this.#id, false)
    this.resource.emitDestroy()
  }
}

function isFull({ maxConnections, _connections }: Server): boolean {
  return maxConnections !== null && maxConnections !== undefined && _connections >= maxConnections
}
