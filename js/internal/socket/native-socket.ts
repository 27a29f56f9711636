/**
 * A net.Socket whose bytes an I/O thread reads and writes. It has no libuv handle; every member that would use the handle uses the
 * connection instead. The subclass for servers is in `server/socket.ts`, the one for requests in `client/socket.ts`.
 */
import net from 'node:net'
import type { AddressInfo } from 'node:net'

import { environment } from '../bridge/environment.js'
import { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } from '../errors.js'
import { ownNeedDrain, unsharedLength } from './plain-write.js'
import * as r from '../../native/records.js'
import { emitConnect } from './emit-connect.js'
import type { BodyChunk, WriteCallback } from '../bridge/transport.js'
import { validateFunction } from '../validators.js'

/** setTimeout's largest delay, as in Node's timers. */
export const TIMEOUT_MAX = 2 ** 31 - 1

/** The socket's connection. */
export const kConnection = Symbol('ferrohttp.connection')
export const kCounted = Symbol('ferrohttp.counted')
/** Called when the connection has ended, after the socket was destroyed. */
export const kDestroyed = Symbol('ferrohttp.destroyed')
const kLocal = Symbol('ferrohttp.local')
const kRemote = Symbol('ferrohttp.remote')

/** The addresses of both ends of a connection, where they are known. */
interface Addresses {
  localAddress?: string
  localPort?: number
  remoteAddress?: string
  remotePort?: number
}

/** Parses the text that records have for both ends: address and port of each, the local one first; empty for a Unix socket. */
export function parseAddresses(text: string): Addresses {
  if (text === '') return {}
  const [localAddress, localPort, remoteAddress, remotePort] = text.split('\n') as [string, string, string, string]
  return { localAddress, localPort: Number(localPort), remoteAddress, remotePort: Number(remotePort) }
}

export type Callback = (error?: Error | null) => void
/** As in net.Socket's overloads. */
// biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own
export type Listener = (...args: any[]) => void

/** The members of a connection that its socket uses. */
interface SocketConnection {
  /** -1 while no I/O thread has the connection. */
  readonly slot: number
  readonly generation: number
  /** See `parseAddresses`. */
  readonly addresses: string
  readonly closed: boolean
  /** After an upgrade or CONNECT: the program reads the bytes from the socket. */
  readonly upgraded: boolean
  /** Bytes received and sent. Null until the connection has closed. */
  readonly counters: [read: number, written: number] | null
  /** Bytes written that the kernel has not accepted. */
  readonly unsentLength: number
  /** Bytes of the message that are sent at the end of this turn of the event loop. */
  readonly heldLength: number
  /** `write()` of a message has returned false, so 'drain' is due. */
  readonly needsDrain: boolean
  command(type: number, first?: number, second?: number): void
  close(mode: number): void
  sendRaw(chunk: BodyChunk, encoding: BufferEncoding, callback: WriteCallback): void
  resumeBody(): void
  setRef(on: boolean): void
}

export abstract class NativeSocket<C extends SocketConnection> extends net.Socket {
  readonly [kConnection]: C;
  [kDestroyed]: (() => void) | null = null
  #addresses: Addresses | null = null
  #remoteKnown = false
  /** See `finishAfterPhase`. */
  #final: Callback | null = null
  /** The counters when they were last read. The connection may be closed before its end is reported here. */
  #counters: [number, number] = [0, 0]
  /** The options as last set, undefined before. As in Node the same value is not set again: agents set it after each request. */
  #noDelay: boolean | undefined = undefined
  /** The delay in milliseconds, -1 for none. */
  #keepAliveDelay: number | undefined = undefined
  declare timeout?: number

  constructor(options: net.SocketConstructorOpts, connect: (socket: NativeSocket<C>) => C) {
    super(options)
    this[kConnection] = connect(this)
  }

  // ---- members that net.Socket reads from its handle ---------------------------------------------------------------------------

  #ends(): Addresses {
    if (this.connecting) return {}
    return (this.#addresses ??= parseAddresses(this[kConnection].addresses))
  }

  override address(): AddressInfo | Record<string, never> {
    const { localAddress, localPort } = this[kLocal]()
    if (localAddress === undefined) return {}
    return { address: localAddress, family: family(localAddress)!, port: localPort! }
  }

  /** Empty after the socket has been destroyed, as without a handle. */
  [kLocal](): Addresses {
    return this.destroyed ? {} : this.#ends()
  }

  /** After the socket has been destroyed: only addresses that were read before. */
  [kRemote](): Addresses {
    if (this.destroyed && !this.#remoteKnown) return {}
    this.#remoteKnown = true
    return this.#ends()
  }

  /** `address()` of the other end. Not documented, but programs call it. */
  _getpeername(): AddressInfo | Record<string, never> {
    const { remoteAddress, remotePort } = this[kRemote]()
    if (remoteAddress === undefined) return {}
    return { address: remoteAddress, family: family(remoteAddress)!, port: remotePort! }
  }

  /** As `_getpeername`. */
  _getsockname(): AddressInfo | Record<string, never> {
    return this.address()
  }

  [kCounted](): [number, number] {
    const { slot, generation, counters } = this[kConnection]
    if (counters !== null) return counters
    if (slot === -1) return this.#counters
    environment.sendAtOnce()
    return (this.#counters = environment.native.counters(slot, generation) ?? this.#counters)
  }

  // ---- streams -------------------------------------------------------------------------------------------------

  override _read(): void {
    if (this[kConnection].upgraded) this[kConnection].resumeBody()
  }

  override once(event: string, listener: Listener): this {
    super.once(event, listener)
    if (event === 'connect' && this[kConnection].upgraded) emitConnect(this, listener)
    return this
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

  /** Calls `callback`, that of `_final`, when libuv would report that it has shut down the socket. */
  protected finishAfterPhase(callback: Callback): void {
    this.#final = callback
    environment.afterPhase.add(() => this.finishNow())
  }

  /** @returns whether 'finish' was due. It is emitted in a tick. */
  protected finishNow(): boolean {
    const callback = this.#final
    this.#final = null
    if (callback === null || this.destroyed) return false
    callback()
    return true
  }

  /** The program reads from the socket from now on. Bytes wait until it does. */
  release(): void {
    ;(this as { readableFlowing: boolean | null }).readableFlowing = null
    // As after a read from a handle: bytes that the program returns by `unshift` are emitted to a listener at once.
    ;(this as unknown as { _readableState: { sync: boolean } })._readableState.sync = false
  }

  /** The peer has sent FIN. While the connection carries HTTP nothing reads the socket itself, so 'end' is emitted at once. */
  endReading(): void {
    if (this.destroyed || this.readableEnded) return
    this.push(null)
    if (!this[kConnection].upgraded) super.resume()
    // Nothing is left to read, so 'end' is emitted in the next tick, before 'close'.
    this.read(0)
  }

  /** The connection has closed. */
  onClosed(error: Error | null): void {
    if (this.destroyed) {
      this[kDestroyed]?.()
      this[kDestroyed] = null
      return
    }
    this.endReading()
    // The program has not read all bytes of a tunnel yet. The stream destroys itself when it has.
    if (error === null && this.readableLength > 0) this.end()
    else this.destroy(error ?? undefined)
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
    if (this.destroyed) return this
    if (typeof timeout !== 'number') throw ERR_INVALID_ARG_TYPE('msecs', 'number', timeout)
    if (timeout < 0 || !Number.isFinite(timeout))
      throw ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', timeout)
    if (callback !== undefined) validateFunction(callback, 'callback')
    const connection = this[kConnection]
    // An I/O thread has the connection after the name has been resolved. Until then Node's own timer runs.
    if (connection.slot === -1) return super.setTimeout(timeout, callback)
    const millis = Math.min(timeout, TIMEOUT_MAX)
    this.timeout = timeout
    connection.command(r.OUT_SOCKET_TIMEOUT, Math.ceil(millis))
    if (callback !== undefined) {
      if (millis === 0) this.removeListener('timeout', callback)
      else this.once('timeout', callback)
    }
    return this
  }

  override setNoDelay(enable?: boolean): this {
    const on = enable === undefined || Boolean(enable)
    if (on === this.#noDelay) return this
    this.#noDelay = on
    this[kConnection].command(r.OUT_NO_DELAY, on ? 1 : 0)
    return this
  }

  override setKeepAlive(enable?: boolean | object, initialDelay?: number): this {
    const delay = enable ? Math.max(0, Number(initialDelay) || 0) : -1
    if (delay === this.#keepAliveDelay) return this
    this.#keepAliveDelay = delay
    this[kConnection].command(r.OUT_TCP_KEEP_ALIVE, enable ? 1 : 0, Math.max(0, delay))
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

/** Makes warnings, `inspect` and `socket.constructor` show net.Socket, as in Node. */
export function showAsNodes(Class: { prototype: net.Socket }): void {
  Object.defineProperty(Class.prototype, 'constructor', { value: net.Socket, writable: true, configurable: true })
}

export function family(address: string | undefined): 'IPv4' | 'IPv6' | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** Bytes in the stream that have not been written to the connection. */
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

/** Defines getters where net.Socket's prototype has its own. They can be set, for programs that fake an address. */
function defineGetters<S extends net.Socket>(prototype: S, getters: Record<string, (this: S) => unknown>): void {
  for (const name of Object.keys(getters)) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get: getters[name]!,
      set(this: S, value: unknown) {
        Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true })
      },
    })
  }
}

defineGetters(NativeSocket.prototype as NativeSocket<SocketConnection>, {
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
    return this[kCounted]()[1] + buffered(this) + this[kConnection].heldLength
  },
  writableLength() {
    return unsharedLength(this) + this[kConnection].unsentLength + this[kConnection].heldLength
  },
  writableNeedDrain() {
    return ownNeedDrain.call(this) || (this.writable && this[kConnection].needsDrain)
  },
  bufferSize() {
    return this.destroyed ? undefined : this.writableLength
  },
  pending() {
    return this.connecting || this.destroyed
  },
  _connecting() {
    return this.connecting
  },
})
