/**
 * A server on a handle of libuv's: the one that a cluster's primary gives its workers, another server's, a descriptor's. Node
 * accepts, so that everything documented about such a handle holds, and each accepted socket goes to an I/O thread before
 * anything of it is read.
 */
import { AsyncResource } from 'node:async_hooks'

import type { Server } from '../server.js'
import { environment } from './environment.js'
import { adoptConnection, type ServerConfig } from './native.js'
import { ListenResource } from './resources.js'
import { kOpened } from './symbols.js'

/** As in Node a connection has nobody's async context, although the listening handle's callback has one. */
const NOBODY = new AsyncResource('FERROHTTPADOPTER', { requireManualDestroy: true })

/** A connection that libuv has accepted, or that has come from another process. */
interface AcceptedHandle {
  /** Absent or negative where libuv shows no descriptors (Windows). */
  readonly fd?: number
  close(): void
}

type OnConnection = (this: unknown, status: number, accepted?: AcceptedHandle) => void

/** A listening handle, or what stands for the primary's in a worker. */
export interface AcceptingHandle {
  /** Called for each connection. */
  onconnection?: OnConnection
  /** TCP handles only. */
  getsockname?: unknown
}

export class Adopter {
  /** What async_hooks sees of the listening socket. */
  readonly resource: ListenResource
  readonly #id: number

  /**
   * @param handle has been set up by net.Server
   * @param isServed whether the server reads HTTP from what connects now
   */
  constructor(server: Server, handle: AcceptingHandle, settings: ServerConfig, isServed: () => boolean) {
    this.resource = ListenResource.begin(handle.getsockname === undefined)
    this.#id = environment.native.openServer(settings)
    const id = this.#id
    const nodes = handle.onconnection
    if (nodes === undefined) return
    handle.onconnection = function onconnection(status, accepted) {
      const fd = accepted?.fd ?? -1
      // Node reports failures, and drops what is one connection too many.
      if (status !== 0 || fd < 0 || !isServed() || isFull(server)) return nodes.call(this, status, accepted)
      const { errno, slot, generation, addresses } = adoptConnection(environment.native, id, fd)
      // The I/O threads have no descriptor for it, or cannot be started: JavaScript's thread serves it.
      if (errno !== 0) return nodes.call(this, status, accepted)
      // Nothing was read by this handle, and the I/O thread has a descriptor of its own.
      accepted!.close()
      NOBODY.runInAsyncScope(server[kOpened], server, slot, generation, addresses)
    }
  }

  configure(settings: ServerConfig): void {
    environment.native.configure(this.#id, settings)
  }

  /** No more connections will come. */
  close(): void {
    environment.native.closeListener(this.#id, false)
    this.resource.emitDestroy()
  }
}

function isFull({ maxConnections, _connections }: Server): boolean {
  return maxConnections !== null && maxConnections !== undefined && _connections >= maxConnections
}
