/** The socket of a request over a native connection. Node resolves the name, an I/O thread connects. */
import type { AsyncResource } from 'node:async_hooks'
import net, { type AddressInfo } from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

import type { ClientRequest } from '../../client.js'
import { environment } from '../bridge/environment.js'
import { kRenew } from './agent-sockets.js'
import {
  aggregateError,
  connectError,
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
  systemError,
  type SystemError,
} from '../errors.js'
import { NativeClient } from './native-client.js'
import type { Failure } from '../bridge/receiver.js'
import type { ConnectOptions, ConnectTls } from '../bridge/native.js'
import * as r from '../../native/records.js'
import { onceHandlesClose } from '../node-parity/handle-close.js'
import { shutDown, type SocketResource } from '../node-parity/async-resources.js'
import { kAsyncId } from '../symbols.js'
import {
  family,
  showAsNodes,
  kConnection,
  kCounted,
  kDestroyed,
  NativeSocket,
  TIMEOUT_MAX,
  type Callback,
  type Listener,
} from '../socket/native-socket.js'

const { EPIPE, ECANCELED } = constants.errno

export class ClientSocket extends NativeSocket<NativeClient> {
  /** The current request, or the last one. */
  _httpMessage: ClientRequest | null = null
  /** Programs read this to see whether HTTP is read from the socket. */
  parser: NativeClient | null = null
  declare connecting: boolean
  declare autoSelectFamilyAttemptedAddresses: string[]
  #target: ConnectOptions | null = null
  #connected = false
  declare [kAsyncId]: number
  #resource: SocketResource
  /** While it connects. */
  #attempt: AsyncResource | null = null
  #shutdown: AsyncResource | null = null

  /**
   * @param resource the async resource of the request that has asked for the connection
   * @param maxHeaderSize limit of the first response's head in bytes
   * @param validation how strictly the first response is parsed
   */
  constructor(resource: SocketResource, maxHeaderSize: number, validation: number) {
    super({}, (socket) => new NativeClient(socket as ClientSocket, maxHeaderSize, validation))
    this.#resource = resource
    this[kAsyncId] = resource.asyncId()
    this.connecting = true
  }

  /** Begins to connect, after the name has been resolved. */
  connectTo(target: ConnectOptions): void {
    if (this.destroyed) return
    this.#target = target
    const { addresses, port = 0 } = target
    if (addresses !== undefined) {
      this.autoSelectFamilyAttemptedAddresses = addresses.map((address) => `${address}:${port}`)
      // Only the first attempt is reported. The I/O thread makes further ones by itself.
      this.emit('connectionAttempt', addresses[0], port, net.isIP(addresses[0]!))
    }
    // Node's own timer has run until now. From here on the I/O thread's timer does.
    const socketTimeout = Math.min(this.timeout ?? 0, TIMEOUT_MAX)
    super.setTimeout(0)
    this.timeout = socketTimeout
    this.#attempt = this.#resource.connect()
    const errno = this[kConnection].connect({ ...target, socketTimeout }, this.connectTls())
    if (errno === 0) return
    this.#attempt.emitDestroy()
    this.destroy(systemError(getSystemErrorName(-errno), 'connect'))
  }

  /** The TLS of the connection, null for none. */
  connectTls(): ConnectTls | null {
    return null
  }

  /** While the I/O thread connects, the address that a socket has before: programs look whether there is one, to learn if the name is known. */
  override address(): AddressInfo | Record<string, never> {
    const address = this.connecting && !this.destroyed ? this.#target?.addresses?.[0] : undefined
    if (address === undefined) return super.address()
    const { localAddress = net.isIPv6(address) ? '::' : '0.0.0.0', localPort = 0 } = this.#target!
    return { address: localAddress, family: family(localAddress)!, port: localPort }
  }

  [kRenew](): void {
    this.#resource = this.#resource.reused()
    this[kAsyncId] = this.#resource.asyncId()
  }

  // ---- from the connection -------------------------------------------------------------------------------------

  onConnected(index: number): void {
    this.#endAttempt(this.#finishConnect, index)
  }

  onConnectFailed(failures: Failure[]): void {
    this.#endAttempt(this.#failConnect, failures)
  }

  /** See `ClientReceiver`. */
  onSecured(_details: string, _verdict: number, _chain: Buffer): void {}

  onKeyLog(_lines: Buffer): void {}

  onTlsFailed(_reason: number): void {}

  onSession(): void {}

  /** Runs `act` in the async context of the request that has asked for the connection. */
  protected inScope(act: () => void): void {
    this.#resource.runInAsyncScope(act)
  }

  #endAttempt<A>(report: (outcome: A) => void, outcome: A): void {
    const attempt = this.#attempt!
    this.#attempt = null
    try {
      attempt.runInAsyncScope(report, this, outcome)
    } finally {
      attempt.emitDestroy()
    }
  }

  #finishConnect(index: number): void {
    if (this.destroyed) return
    this.connecting = false
    this.#connected = true
    const target = this.#target!
    if (target.addresses !== undefined)
      this.autoSelectFamilyAttemptedAddresses = target.addresses
        .slice(0, index + 1)
        .map((address) => `${address}:${target.port ?? 0}`)
    this.emit('connect')
    if (this.destroyed) this[kConnection].onDestroyedInConnect()
    this.emit('ready')
    if (this.readableFlowing === true) this.read(0)
  }

  #failConnect(failures: Failure[]): void {
    const [first, ...others] = failures.map((failure) => this.#connectError(failure)) as [SystemError, ...SystemError[]]
    const error = others.length === 0 ? first : aggregateError([first, ...others])
    this.connecting = false
    if (this.destroyed) this.onClosed(null)
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

  /** The connection has closed. `errno` is 0 after an orderly close. `isKept`: see `keepQuiet` */
  onConnectionClosed(errno: number, isKept: boolean): void {
    this.#attempt?.emitDestroy()
    if (isKept && !this.destroyed) {
      this.destroy()
      return
    }
    // ECANCELED: this side has given up the connection on purpose.
    const wanted = errno === 0 || errno === ECANCELED
    if (wanted && this.finishNow()) {
      environment.afterPhase.add(() => this.onConnectionClosed(errno, isKept))
      return
    }
    if (wanted && this.#connected && !this.destroyed && !this[kConnection].upgraded) {
      // As in Node it ends after its 'end', which the listener of a request that has no whole response destroys it in. A socket that
      // the request has ended waits for its writes only.
      this[kConnection].endWrites(() => systemError('EPIPE', 'write'))
      this.endReading()
      return
    }
    this.onClosed(wanted ? null : systemError(getSystemErrorName(-errno), errno === EPIPE ? 'write' : 'read'))
  }

  override on(event: string, listener: Listener): this {
    showInput(this, event)
    return super.on(event, listener)
  }

  override addListener(event: string, listener: Listener): this {
    return this.on(event, listener)
  }

  override prependListener(event: string, listener: Listener): this {
    showInput(this, event)
    return super.prependListener(event, listener)
  }

  override end(...args: unknown[]): this {
    this[kConnection].beforeEnd()
    return super.end(...(args as [() => void]))
  }

  override release(): void {
    super.release()
    this._httpMessage = null
  }

  override _final(callback: Callback): void {
    const connection = this[kConnection]
    this.#shutdown = shutDown(this.#resource)
    connection.close(r.CLOSE_HALF)
    // A program that waits for 'finish' may destroy the socket then, and unsent bytes with it.
    if (connection.writableLength === 0) this.finishAfterPhase(callback)
    else connection.afterWrites(() => callback())
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.connecting = false
    const connection = this[kConnection]
    if (connection.closed) {
      callback(error)
      if (this.#connected && error === null) environment.afterPhase.add(() => this.#reportClosed(false))
      else onceHandlesClose(() => this.#reportClosed(error !== null))
      return
    }
    this[kCounted]()
    // After an error 'close' is emitted in this turn, as in Node, without waiting for the I/O thread.
    if (error === null) this[kDestroyed] = () => this.#reportClosed(false)
    else onceHandlesClose(() => this.#reportClosed(true))
    // Emits 'error', before 'close'.
    callback(error)
    connection.close(r.CLOSE_DESTROY)
  }

  /** Emits 'close' in the async context of the last request that has had the connection. */
  #reportClosed(hadError: boolean): void {
    this.#shutdown?.emitDestroy()
    this.#resource.emitDestroy()
    this.#resource.runInAsyncScope(emitClose, undefined, this, hadError, this.#connected)
  }
}

/**
 * The program listens for the peer's bytes. During a request it receives a copy of them. Without a request it takes the connection
 * over.
 */
function showInput(socket: ClientSocket, event: string): void {
  if (event !== 'data' && event !== 'readable') return
  // Undefined within net.Socket's constructor.
  const connection = socket[kConnection] as NativeClient | undefined
  if (connection === undefined || connection.upgraded) return
  if (socket._httpMessage === null) connection.handOver()
  else if (event === 'data') connection.tap()
}

/** Emits 'close'. Writes that were under way fail before it, those that waited for the connection after it. */
function emitClose(socket: ClientSocket, hadError: boolean, connected: boolean): void {
  const connection = socket[kConnection]
  if (connected) connection.failWrites(() => systemError('ECANCELED', 'write'))
  else socket.once('close', () => connection.failWrites(ERR_SOCKET_CLOSED_BEFORE_CONNECTION))
  socket.emit('close', hadError)
}

showAsNodes(ClientSocket)
