/**
 * The socket of a request on the native road: a net.Socket whose name resolution is Node's and whose connecting, reading
 * and writing are an I/O thread's. There is no libuv handle behind it; every member that would ask one asks the
 * connection instead.
 */
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { constants } from 'node:os'
import { Duplex } from 'node:stream'
import { getSystemErrorName } from 'node:util'

import type { ClientRequest } from './client.js'
import { environment } from './internal/environment.js'
import {
  aggregateError,
  connectError,
  ERR_INVALID_ARG_TYPE,
  ERR_OUT_OF_RANGE,
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
  systemError,
  type SystemError,
} from './internal/errors.js'
import { NativeClient, type Failure } from './internal/native-client.js'
import type { Addresses, ConnectOptions } from './internal/native.js'
import * as r from './internal/records.js'
import { tellConnected } from './internal/tell-connected.js'
import { validateFunction } from './internal/validators.js'

type Callback = (error?: Error | null) => void
/** As net.Socket's overloads have it. */
// biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own
type Listener = (...args: any[]) => void

/** setTimeout's largest delay, as in Node's timers. */
const TIMEOUT_MAX = 2 ** 31 - 1
const { EPIPE, ECANCELED } = constants.errno

const NO_ADDRESSES: Addresses = {}

export class ClientSocket extends net.Socket {
  readonly connection: NativeClient
  /** The request whose turn it is, or was. */
  _httpMessage: ClientRequest | null = null
  /** Where programs look whether somebody reads HTTP from the socket. */
  parser: NativeClient | null = null
  declare timeout?: number
  declare connecting: boolean
  declare autoSelectFamilyAttemptedAddresses: string[]
  #target: ConnectOptions | null = null
  #addresses: Addresses | null = null
  #counters: [number, number] = [0, 0]
  #destroyed: (() => void) | null = null
  #hadError = false
  #connected = false

  /** @param maxHeaderSize and `lenient`: how the first response is read */
  constructor(maxHeaderSize: number, lenient: boolean) {
    super()
    this.connecting = true
    this.connection = new NativeClient(this, maxHeaderSize, lenient)
  }

  override once(event: string, listener: Listener): this {
    super.once(event, listener)
    if (event === 'connect' && this.connection.upgraded) tellConnected(this, listener)
    return this
  }

  /** The name has been resolved: the attempt begins. */
  connectTo(target: ConnectOptions): void {
    if (this.destroyed) return
    this.#target = target
    const port = target.port ?? 0
    if (target.addresses !== undefined) {
      this.autoSelectFamilyAttemptedAddresses = target.addresses.map((address) => `${address}:${port}`)
      for (const address of target.addresses) {
        this.emit('connectionAttempt', address, port, net.isIP(address))
        // One at a time is told of: the others follow only if it fails, which the I/O thread sees to.
        break
      }
    }
    const socketTimeout = Math.min(this.timeout ?? 0, TIMEOUT_MAX)
    super.setTimeout(0)
    this.timeout = socketTimeout
    const errno = this.connection.connect({ ...target, socketTimeout })
    if (errno !== 0) this.destroy(systemError(getSystemErrorName(-errno), 'connect'))
  }

  // ---- from the connection -------------------------------------------------------------------------------------

  onConnected(index: number): void {
    if (this.destroyed) return
    this.connecting = false
    this.#connected = true
    const target = this.#target!
    if (target.addresses !== undefined)
      this.autoSelectFamilyAttemptedAddresses = target.addresses
        .slice(0, index + 1)
        .map((address) => `${address}:${target.port ?? 0}`)
    this.#look()
    this.emit('connect')
    this.emit('ready')
    if (this.readableFlowing === true) this.read(0)
  }

  onConnectFailed(failures: Failure[]): void {
    const errors = failures.map((failure) => this.#connectError(failure))
    const error = errors.length === 1 ? errors[0]! : aggregateError(errors)
    this.connecting = false
    if (this.destroyed) this.onClosed(0)
    else this.destroy(error)
  }

  #connectError({ errno, step, index }: Failure): SystemError {
    const { addresses, path, port, localAddress, localPort } = this.#target!
    const code = getSystemErrorName(-errno)
    if (step === r.FAILED_BIND) return connectError(code, 'bind', localAddress, localPort)
    if (path !== undefined) return connectError(code, 'connect', path)
    const local = localAddress !== undefined && localPort ? `${localAddress}:${localPort}` : undefined
    return connectError(code, 'connect', addresses![index], port, local)
  }

  /** The connection is gone. */
  onClosed(errno: number): void {
    if (this.destroyed) {
      this.#destroyed?.()
      this.#destroyed = null
      return
    }
    this.endReading()
    // Its own end of the connection was given up on purpose.
    if (errno === 0 || errno === ECANCELED) this.destroy()
    else this.destroy(systemError(getSystemErrorName(-errno), errno === EPIPE ? 'write' : 'read'))
  }

  /** The peer will send nothing more. */
  endReading(): void {
    if (this.destroyed || this.readableEnded) return
    this.push(null)
    if (this.connection.upgraded) this.read(0)
    else super.resume()
  }

  /** From here on the socket is the program's. */
  release(): void {
    this._httpMessage = null
    ;(this as { readableFlowing: boolean | null }).readableFlowing = null
  }

  // ---- streams -------------------------------------------------------------------------------------------------

  override _read(): void {
    if (this.connection.upgraded) this.connection.resumeBody()
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    if (chunk.length === 0) callback()
    else this.connection.sendRaw(chunk, encoding, callback)
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], callback: Callback): void {
    const parts = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk,
    )
    this._write(Buffer.concat(parts), 'utf8', callback)
  }

  override _final(callback: Callback): void {
    const { connection } = this
    connection.close(connection.upgraded ? r.CLOSE_HALF : r.CLOSE_AFTER_FLUSH)
    // Whoever waits for 'finish' destroys what has not been sent by then.
    if (connection.writableLength === 0) callback()
    else connection.afterWrites(() => callback())
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#hadError = error !== null
    this.connecting = false
    const { connection } = this
    if (connection.closed) {
      callback(error)
      // What comes of an error is over by then: as in Node.
      if (this.#connected && error === null) process.nextTick(emitClose, this, false, true)
      else setImmediate(emitClose, this, this.#hadError, this.#connected)
      return
    }
    this.#count()
    this.#destroyed = () => emitClose(this, this.#hadError, this.#connected)
    // 'error' comes ahead of 'close'.
    callback(error)
    connection.close(r.CLOSE_DESTROY)
  }

  override destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  override resetAndDestroy(): this {
    if (!this.destroyed) this.connection.close(r.CLOSE_RESET)
    this.destroy()
    return this
  }

  // ---- options -------------------------------------------------------------------------------------------------

  override setTimeout(timeout: number, callback?: () => void): this {
    if (typeof timeout !== 'number') throw ERR_INVALID_ARG_TYPE('msecs', 'number', timeout)
    if (timeout < 0 || !Number.isFinite(timeout))
      throw ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', timeout)
    if (callback !== undefined) validateFunction(callback, 'callback')
    if (this.destroyed) return this
    // The I/O thread knows of the connection once the name is resolved; until then Node's own timer runs.
    if (this.connection.slot === -1) return super.setTimeout(timeout, callback)
    const millis = Math.min(timeout, TIMEOUT_MAX)
    this.timeout = timeout
    this.connection.command(r.OUT_SOCKET_TIMEOUT, Math.ceil(millis))
    if (callback !== undefined) {
      if (millis === 0) this.removeListener('timeout', callback)
      else this.once('timeout', callback)
    }
    return this
  }

  override setNoDelay(enable?: boolean): this {
    this.connection.command(r.OUT_NO_DELAY, enable === undefined || enable ? 1 : 0)
    return this
  }

  override setKeepAlive(enable?: boolean | object, initialDelay?: number): this {
    this.connection.command(r.OUT_TCP_KEEP_ALIVE, enable ? 1 : 0, Math.max(0, Number(initialDelay) || 0))
    return this
  }

  override ref(): this {
    this.connection.setRef(true)
    return this
  }

  override unref(): this {
    this.connection.setRef(false)
    return this
  }

  // ---- what a handle would know --------------------------------------------------------------------------------

  #look(): Addresses {
    const { slot, generation } = this.connection
    if (slot === -1 || this.connecting) return NO_ADDRESSES
    return (this.#addresses ??= environment.native.addresses(slot, generation))
  }

  addresses(): Addresses {
    return this.destroyed ? NO_ADDRESSES : this.#look()
  }

  override address(): AddressInfo | Record<string, never> {
    const { localAddress, localPort } = this.addresses()
    if (localAddress === undefined) return {}
    return { address: localAddress, family: family(localAddress)!, port: localPort! }
  }

  #count(): [number, number] {
    const { slot, generation, counters } = this.connection
    if (counters !== null) return counters
    if (slot === -1) return this.#counters
    environment.flush()
    return (this.#counters = environment.native.counters(slot, generation) ?? this.#counters)
  }

  counted(): [number, number] {
    return this.#count()
  }
}

function family(address: string | undefined): 'IPv4' | 'IPv6' | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** Writes that were under way fail ahead of 'close', those that waited for the connection behind it. */
function emitClose(socket: ClientSocket, hadError: boolean, connected: boolean): void {
  const { connection } = socket
  if (connected) connection.failWrites(systemError('ECANCELED', 'write'))
  else socket.once('close', () => connection.failWrites(ERR_SOCKET_CLOSED_BEFORE_CONNECTION()))
  socket.emit('close', hadError)
}

/** What the stream itself holds. */
const buffered = Object.getOwnPropertyDescriptor(Duplex.prototype, 'writableLength')!.get as (this: Duplex) => number

/** Getters, where net.Socket has getters on its prototype too. */
const GETTERS: Record<string, (this: ClientSocket) => unknown> = {
  localAddress() {
    return this.addresses().localAddress
  },
  localPort() {
    return this.addresses().localPort
  },
  localFamily() {
    return family(this.addresses().localAddress)
  },
  remoteAddress() {
    return this.addresses().remoteAddress
  },
  remotePort() {
    return this.addresses().remotePort
  },
  remoteFamily() {
    return family(this.addresses().remoteAddress)
  },
  bytesRead() {
    return this.counted()[0]
  },
  bytesWritten() {
    return this.counted()[1]
  },
  writableLength() {
    return buffered.call(this) + this.connection.writableLength
  },
  pending() {
    return this.connecting
  },
  _connecting() {
    return this.connecting
  },
}
for (const name of Object.keys(GETTERS)) {
  Object.defineProperty(ClientSocket.prototype, name, { configurable: true, get: GETTERS[name]! })
}
