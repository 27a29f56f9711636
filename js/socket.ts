/**
 * `req.socket`: a net.Socket whose bytes an I/O thread reads and writes. There is no libuv handle behind it; every
 * member that would ask the handle asks the connection instead.
 */
import net from 'node:net'
import type { AddressInfo } from 'node:net'

import type { Server } from './server.js'
import type { Connection } from './internal/connection.js'
import { environment } from './internal/environment.js'
import { ERR_HTTP_SOCKET_ENCODING, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } from './internal/errors.js'
import type { Addresses } from './internal/native.js'
import { kStream, type SocketSide } from './internal/port.js'
import * as r from './internal/records.js'
import { tellConnected } from './internal/tell-connected.js'
import { validateFunction } from './internal/validators.js'

/** setTimeout's largest delay, as in Node's timers. */
const TIMEOUT_MAX = 2 ** 31 - 1

const kAddresses = Symbol('ferrohttp.addresses')
const kLocal = Symbol('ferrohttp.local')
const kRemote = Symbol('ferrohttp.remote')
const kCounted = Symbol('ferrohttp.counted')
const kConnection = Symbol('ferrohttp.connection')

type Callback = (error?: Error | null) => void
/** As net.Socket's overloads have it. */
// biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own
type Listener = (...args: any[]) => void

/** See the module. Made on the first look at it (`req.socket`, 'connection', 'upgrade', 'connect', …). */
export class ConnectionSocket extends net.Socket implements SocketSide {
  readonly [kConnection]: Connection
  #addresses: Addresses | null = null
  #remoteKnown = false
  /** Counters as they were when last asked for: the connection may be gone before its end is known here. */
  #counters: [number, number] = [0, 0]
  #destroyCallback: (() => void) | null = null
  #hadError = false
  #tapped = false
  declare timeout?: number
  declare parser?: null
  server: Server
  _server: Server

  constructor(connection: Connection) {
    super({ allowHalfOpen: true, highWaterMark: connection.server.highWaterMark } as net.SocketConstructorOpts)
    this[kConnection] = connection
    this.server = connection.server
    this._server = connection.server
    if (connection.server.timeout > 0) this.timeout = connection.server.timeout
    if (connection.upgraded) this.release()
    else {
      super.on('error', onError)
      super.on('timeout', onTimeout)
      super.on('data', readByTheServer)
    }
    // What the peer's end of the connection is must be known after it has gone, too.
    this[kAddresses]()
  }

  get [kStream](): this {
    return this
  }

  // ---- what a handle would know --------------------------------------------------------------------------------

  [kAddresses](): Addresses {
    if (this.#addresses === null || this.#addresses.remoteAddress === undefined) {
      this.#addresses = environment.native.addresses(this[kConnection].slot, this[kConnection].generation)
    }
    return this.#addresses
  }

  override address(): AddressInfo | Record<string, never> {
    const { localAddress, localPort } = this[kLocal]()
    if (localAddress === undefined) return {}
    return { address: localAddress, family: family(localAddress)!, port: localPort! }
  }

  /** Nothing once the socket is destroyed, as with a handle that is gone. */
  [kLocal](): Addresses {
    return this.destroyed ? {} : this[kAddresses]()
  }

  /** Of a destroyed socket only what was looked at before. */
  [kRemote](): Addresses {
    if (this.destroyed && !this.#remoteKnown) return {}
    this.#remoteKnown = true
    return this[kAddresses]()
  }

  [kCounted](): [number, number] {
    const { slot, generation, counters } = this[kConnection]
    if (counters !== null) return counters
    environment.flush()
    return (this.#counters = environment.native.counters(slot, generation) ?? this.#counters)
  }

  // ---- streams -------------------------------------------------------------------------------------------------

  override _read(): void {
    if (this[kConnection].upgraded) this[kConnection].resumeBody()
  }

  /** What comes in is the parser's; who listens beside it gets a copy, from now on. */
  override on(event: string, listener: Listener): this {
    if (event === 'data') this.#tap()
    return super.on(event, listener)
  }

  override addListener(event: string, listener: Listener): this {
    return this.on(event, listener)
  }

  override once(event: string, listener: Listener): this {
    super.once(event, listener)
    if (event === 'connect' && this[kConnection].upgraded) tellConnected(this, listener)
    return this
  }

  override prependListener(event: string, listener: Listener): this {
    if (event === 'data') this.#tap()
    return super.prependListener(event, listener)
  }

  #tap(): void {
    const connection = this[kConnection]
    if (this.#tapped || connection.upgraded) return
    this.#tapped = true
    environment.command(connection, r.OUT_TAP)
  }

  override pause(): this {
    this.#pauseConnection(true)
    return super.pause()
  }

  override resume(): this {
    this.#pauseConnection(false)
    return super.resume()
  }

  #pauseConnection(on: boolean): void {
    const connection = this[kConnection]
    if (connection.paused === on || connection.upgraded) return
    connection.paused = on
    environment.command(connection, r.OUT_PAUSE, on ? 1 : 0)
  }

  /** Node pauses the socket while a body is not read as fast as it comes. */
  bodyHeld(on: boolean): void {
    if (this[kConnection].paused) return
    if (on) super.pause()
    else super.resume()
  }

  flow(): void {
    if (this[kConnection].paused) this.resume()
  }

  endWriting(): void {
    this.end()
  }

  /** From here on the socket is the program's: nothing of the server listens to it, and its bytes wait for a reader. */
  release(): void {
    this.removeListener('error', onError)
    this.removeListener('timeout', onTimeout)
    this.removeListener('data', readByTheServer)
    ;(this as { readableFlowing: boolean | null }).readableFlowing = null
    this.parser = null
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    if (chunk.length === 0) callback()
    else this[kConnection].sendRaw(chunk, encoding, callback)
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], callback: Callback): void {
    const parts = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk,
    )
    this._write(Buffer.concat(parts), 'utf8', callback)
  }

  override _final(callback: Callback): void {
    this[kConnection].close(this[kConnection].upgraded ? r.CLOSE_HALF : r.CLOSE_AFTER_FLUSH)
    callback()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#hadError = error !== null
    const connection = this[kConnection]
    if (connection.closed) {
      callback(error)
      process.nextTick(emitClose, this, this.#hadError)
      return
    }
    this[kCounted]()
    connection.close(r.CLOSE_DESTROY)
    this.#destroyCallback = () => emitClose(this, this.#hadError)
    callback(error)
  }

  /** The peer sent its FIN. On the HTTP road nobody reads the socket itself, so 'end' is delivered right away. */
  endReading(): void {
    if (this.destroyed || this.readableEnded) return
    this.push(null)
    super.resume()
  }

  /** The connection is gone. */
  onClosed(error: Error | null): void {
    if (this.destroyed) {
      this.#destroyCallback?.()
      this.#destroyCallback = null
      return
    }
    this.endReading()
    this.destroy(error ?? undefined)
  }

  /** Bodies are framed bytes; a decoder in between would break them. After an upgrade they are the program's. */
  override setEncoding(encoding?: BufferEncoding): this {
    if (!this[kConnection].upgraded) throw ERR_HTTP_SOCKET_ENCODING()
    return super.setEncoding(encoding)
  }

  override destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  override resetAndDestroy(): this {
    if (!this.destroyed) this[kConnection].close(r.CLOSE_RESET)
    this.destroy()
    return this
  }

  // ---- options -------------------------------------------------------------------------------------------------

  override setTimeout(timeout: number, callback?: () => void): this {
    if (typeof timeout !== 'number') throw ERR_INVALID_ARG_TYPE('msecs', 'number', timeout)
    if (timeout < 0 || !Number.isFinite(timeout))
      throw ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', timeout)
    if (callback !== undefined) validateFunction(callback, 'callback')
    const millis = Math.min(timeout, TIMEOUT_MAX)
    this.timeout = timeout
    environment.command(this[kConnection], r.OUT_SOCKET_TIMEOUT, Math.ceil(millis))
    if (callback !== undefined) {
      if (millis === 0) this.removeListener('timeout', callback)
      else this.once('timeout', callback)
    }
    return this
  }

  override setNoDelay(enable?: boolean): this {
    environment.command(this[kConnection], r.OUT_NO_DELAY, enable === undefined || enable ? 1 : 0)
    return this
  }

  override setKeepAlive(enable?: boolean | object, initialDelay?: number): this {
    environment.command(this[kConnection], r.OUT_TCP_KEEP_ALIVE, enable ? 1 : 0, Math.max(0, Number(initialDelay) || 0))
    return this
  }

  override ref(): this {
    this[kConnection].setRef(true)
    return this
  }

  override unref(): this {
    this[kConnection].setRef(false)
    return this
  }
}

/** Whether `socket` is one that an I/O thread reads HTTP from. */
export function isServedNatively(socket: unknown): boolean {
  return socket instanceof ConnectionSocket && !socket[kConnection].upgraded
}

export function family(address: string | undefined): 'IPv4' | 'IPv6' | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** Bytes in the stream that the connection has not been given. */
function buffered(socket: net.Socket): number {
  const { writableBuffer } = socket as unknown as {
    writableBuffer?: { chunk: string | Buffer; encoding: BufferEncoding }[]
  }
  let bytes = 0
  for (const { chunk, encoding } of writableBuffer ?? []) {
    bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length
  }
  return bytes
}

function emitClose(socket: net.Socket, hadError: boolean): void {
  socket.emit('close', hadError)
}

/** The server's own listener: the first 'error' is its matter, later ones nobody's. */
function onError(this: ConnectionSocket, error: Error): void {
  this.removeListener('error', onError)
  if (this.listenerCount('error', ignore) === 0) this.on('error', ignore)
  if (!this[kConnection].upgraded) this[kConnection].onSocketError(error)
}

function ignore(): void {}

function onTimeout(this: ConnectionSocket): void {
  this[kConnection].onSocketTimeout()
}

/** Makes the socket flow and its 'data' listened to, as the parser does in Node. */
function readByTheServer(): void {}

/** Getters, where net.Socket has getters on its prototype too. */
const GETTERS: Record<string, (this: ConnectionSocket) => unknown> = {
  localAddress() {
    return this[kLocal]().localAddress
  },
  localPort() {
    return this[kLocal]().localPort
  },
  localFamily() {
    return family(this.localAddress)
  },
  remoteAddress() {
    return this[kRemote]().remoteAddress
  },
  remotePort() {
    return this[kRemote]().remotePort
  },
  remoteFamily() {
    return family(this.remoteAddress)
  },
  bytesRead() {
    return this[kCounted]()[0]
  },
  bytesWritten() {
    return this[kCounted]()[1] + buffered(this)
  },
  pending() {
    return false
  },
  _connecting() {
    return false
  },
  /** The response whose turn it is. */
  _httpMessage() {
    return this[kConnection].response
  },
}
for (const name of Object.keys(GETTERS)) {
  // Settable like net.Socket's own, for programs that fake an address.
  Object.defineProperty(ConnectionSocket.prototype, name, {
    configurable: true,
    get: GETTERS[name]!,
    set(this: ConnectionSocket, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true })
    },
  })
}
