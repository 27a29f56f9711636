/**
 * `req.socket`: a net.Socket whose bytes an I/O thread reads and writes. There is no libuv handle behind it; every
 * member that would ask the handle asks the connection instead.
 */
import net from 'node:net'
import type { AddressInfo } from 'node:net'

import type { Server } from './server.js'
import type { Connection } from './internal/connection.js'
import { environment } from './internal/environment.js'
import { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } from './internal/errors.js'
import type { Addresses } from './internal/native.js'
import * as r from './internal/records.js'
import { validateFunction } from './internal/validators.js'

/** setTimeout's largest delay, as in Node's timers. */
const TIMEOUT_MAX = 2 ** 31 - 1

type Callback = (error?: Error | null) => void

/** See the module. Made on the first look at it (`req.socket`, 'connection', 'upgrade', 'connect', …). */
export class ConnectionSocket extends net.Socket {
  readonly #connection: Connection
  #addresses: Addresses | null = null
  /** Counters as they were when the connection closed. */
  #counters: [number, number] = [0, 0]
  #destroyCallback: (() => void) | null = null
  #hadError = false
  declare timeout?: number
  server: Server

  constructor(connection: Connection) {
    super({ allowHalfOpen: true, highWaterMark: connection.server.highWaterMark } as net.SocketConstructorOpts)
    this.#connection = connection
    this.server = connection.server
    if (connection.server.timeout > 0) this.timeout = connection.server.timeout
    // What the peer's end of the connection is must be known after it has gone, too.
    this.#look()
  }

  // ---- what a handle would know --------------------------------------------------------------------------------

  #look(): Addresses {
    if (this.#addresses === null || this.#addresses.remoteAddress === undefined) {
      this.#addresses = environment.native.addresses(this.#connection.slot, this.#connection.generation)
    }
    return this.#addresses
  }

  override address(): AddressInfo | Record<string, never> {
    const { localAddress, localPort } = this.#look()
    if (localAddress === undefined) return {}
    return { address: localAddress, family: family(localAddress)!, port: localPort! }
  }

  override get localAddress(): string | undefined {
    return this.#look().localAddress
  }

  override get localPort(): number | undefined {
    return this.#look().localPort
  }

  override get localFamily(): string | undefined {
    return family(this.localAddress)
  }

  override get remoteAddress(): string | undefined {
    return this.destroyed ? undefined : this.#look().remoteAddress
  }

  override get remotePort(): number | undefined {
    return this.destroyed ? undefined : this.#look().remotePort
  }

  override get remoteFamily(): string | undefined {
    return family(this.remoteAddress)
  }

  get #counted(): [number, number] {
    environment.flush()
    const { slot, generation } = this.#connection
    return (this.#counters = environment.native.counters(slot, generation) ?? this.#counters)
  }

  override get bytesRead(): number {
    return this.#counted[0]
  }

  override get bytesWritten(): number {
    return this.#counted[1] + this.#connection.writableLength + this.writableLength
  }

  override get pending(): boolean {
    return false
  }

  get _connecting(): boolean {
    return false
  }

  /** The response whose turn it is. */
  get _httpMessage(): unknown {
    return this.#connection.response
  }

  // ---- streams -------------------------------------------------------------------------------------------------

  override _read(): void {
    this.#connection.resumeBody()
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    if (chunk.length === 0) callback()
    else this.#connection.sendRaw(chunk, encoding, callback)
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], callback: Callback): void {
    const parts = chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk))
    this._write(Buffer.concat(parts), 'utf8', callback)
  }

  override _final(callback: Callback): void {
    this.#connection.close(this.#connection.upgraded ? r.CLOSE_HALF : r.CLOSE_AFTER_FLUSH)
    callback()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#hadError = error !== null
    const connection = this.#connection
    if (connection.closed) {
      callback(error)
      process.nextTick(emitClose, this, this.#hadError)
      return
    }
    void this.#counted
    connection.close(r.CLOSE_DESTROY)
    this.#destroyCallback = () => emitClose(this, this.#hadError)
    callback(error)
  }

  /** The peer sent its FIN. On the HTTP road nobody reads the socket itself, so 'end' is delivered right away. */
  endReading(): void {
    if (this.destroyed || this.readableEnded) return
    this.push(null)
    this.resume()
  }

  /** The connection is gone. */
  onClosed(error: Error | null): void {
    if (this.destroyed) {
      this.#destroyCallback?.()
      this.#destroyCallback = null
      return
    }
    this.endReading()
    // In Node the server's own listener keeps a reset from ending the process; an 'error' goes to whoever listens.
    if (error !== null && this.listenerCount('error') > 0) this.destroy(error)
    else this.destroy()
  }

  override destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  override resetAndDestroy(): this {
    if (!this.destroyed) this.#connection.close(r.CLOSE_RESET)
    this.destroy()
    return this
  }

  // ---- options -------------------------------------------------------------------------------------------------

  override setTimeout(timeout: number, callback?: () => void): this {
    if (typeof timeout !== 'number') throw ERR_INVALID_ARG_TYPE('msecs', 'number', timeout)
    if (timeout < 0 || !Number.isFinite(timeout)) throw ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', timeout)
    if (callback !== undefined) validateFunction(callback, 'callback')
    const millis = Math.min(timeout, TIMEOUT_MAX)
    this.timeout = millis
    environment.command(this.#connection, r.OUT_SOCKET_TIMEOUT, Math.ceil(millis))
    if (callback !== undefined) {
      if (millis === 0) this.removeListener('timeout', callback)
      else this.once('timeout', callback)
    }
    return this
  }

  override setNoDelay(enable?: boolean): this {
    environment.command(this.#connection, r.OUT_NO_DELAY, enable === undefined || enable ? 1 : 0)
    return this
  }

  override setKeepAlive(enable?: boolean, initialDelay?: number): this {
    environment.command(this.#connection, r.OUT_TCP_KEEP_ALIVE, enable ? 1 : 0, Math.max(0, Number(initialDelay) || 0))
    return this
  }

  override ref(): this {
    this.#connection.setRef(true)
    return this
  }

  override unref(): this {
    this.#connection.setRef(false)
    return this
  }
}

function family(address: string | undefined): 'IPv4' | 'IPv6' | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

function emitClose(socket: net.Socket, hadError: boolean): void {
  socket.emit('close', hadError)
}
