/** The handle of a server that listens on an I/O thread, in place of libuv's. */
import { chmodSync, rmSync } from 'node:fs'

import { environment } from '../bridge/environment.js'
import { listeningFd, listeningHandle, type LibuvHandle } from './libuv-listener.js'
import type { ServerConfig } from '../bridge/native.js'
import type { ListenResource } from '../node-parity/async-resources.js'
import { family } from '../socket/native-socket.js'

const UV_READABLE = 1
const UV_WRITABLE = 2

/** The `_handle` of a server, for which net.Server uses a libuv handle. */
export class ListenHandle {
  readonly id: number
  readonly #address: { address: string; family: 'IPv4' | 'IPv6'; port: number } | null
  readonly #path: string
  readonly #resource: ListenResource
  /** A libuv handle on the same socket, for a program that passes the server on; null before that. */
  #libuv: LibuvHandle | null = null
  /** Whether another server accepts, through `#libuv`. */
  #givenUp = false
  #refed = true
  #open = true
  #servesRest = false

  constructor(
    id: number,
    resource: ListenResource,
    path: string,
    address: string | undefined,
    port: number | undefined,
  ) {
    this.id = id
    this.#resource = resource
    this.#path = path
    this.#address = address === undefined ? null : { address, family: family(address)!, port: port! }
    environment.ref()
    // net.Server takes a handle without `getsockname` for a pipe.
    if (address === undefined) (this as { getsockname?: unknown }).getsockname = undefined
  }

  getsockname(out: object): number {
    Object.assign(out, this.#address)
    return 0
  }

  getAsyncId(): number {
    return this.#resource.asyncId()
  }

  /** Applies readableAll and writableAll of `listen`, as libuv's flags. @returns 0 or a negative error number */
  fchmod(mode: number): number {
    try {
      chmodSync(this.#path, ((mode & UV_READABLE) !== 0 ? 0o444 : 0) | ((mode & UV_WRITABLE) !== 0 ? 0o222 : 0))
      return 0
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno!
    }
  }

  configure(settings: ServerConfig): void {
    if (this.#open) environment.native.configure(this.id, settings)
  }

  /** The server is being drained. */
  announceDrain(): void {
    if (this.#open) environment.native.setDraining(this.id, true)
  }

  /** The libuv handle for another process, which accepts, too. Closed with this handle. */
  passable(): LibuvHandle {
    if (this.#libuv === null) {
      this.#libuv = listeningHandle(this.id, false)
      this.#libuv.unref()
    }
    return this.#libuv
  }

  /** The libuv handle for another server of this process, which accepts from now on. In Node both share one handle. */
  giveUp(): LibuvHandle | { fd: number } {
    if (this.#givenUp && this.#libuv !== null) return this.#libuv
    // For a pipe Node makes a handle of its own from the descriptor.
    const fd = this.#address === null ? listeningFd(this.id, true) : -1
    const handle = fd === -1 ? listeningHandle(this.id, true) : null
    this.#libuv?.close()
    this.#libuv = handle
    this.#givenUp = true
    if (this.#refed) environment.unref()
    environment.native.closeListener(this.id, false)
    return handle ?? { fd }
  }

  /** Whether our I/O thread accepts. */
  get isOurs(): boolean {
    return this.#open && !this.#givenUp
  }

  ref(): void {
    if (this.#givenUp) this.#libuv?.ref()
    else if (this.#open && !this.#refed) environment.ref()
    this.#refed = true
  }

  unref(): void {
    if (this.#givenUp) this.#libuv?.unref()
    else if (this.#open && this.#refed) environment.unref()
    this.#refed = false
  }

  hasRef(): boolean {
    return this.#open && this.#refed
  }

  /** Has connections served that peers have established by the time of `close()`, until `forgetServer()`. */
  serveRest(): void {
    this.#servesRest = true
  }

  /** No connection is reported to the server any more. */
  forgetServer(): void {
    if (environment.outliving.delete(this.id)) environment.servers.delete(this.id)
  }

  close(callback?: () => void): void {
    if (!this.#open) return
    this.#open = false
    // Closed before the listener: the port is free only after both are closed.
    this.#libuv?.close()
    if (this.#givenUp) {
      if (this.#path !== '') rmSync(this.#path, { force: true })
    } else {
      if (this.#refed) environment.unref()
      environment.native.closeListener(this.id, this.#servesRest)
    }
    // Connections that were accepted and not reported yet are closed, like those in the backlog.
    if (this.#servesRest) environment.outliving.add(this.id)
    else environment.closing.add(this.id)
    this.#resource.emitDestroy()
    if (callback !== undefined) process.nextTick(callback)
  }
}
