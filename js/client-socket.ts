/** The socket of a request on the native road: name resolution is Node's, connecting is an I/O thread's. */
import type { AsyncResource } from 'node:async_hooks'
import net from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

import type { ClientRequest } from './client.js'
import { kRenew } from './internal/agent-sockets.js'
import {
  aggregateError,
  connectError,
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
  systemError,
  type SystemError,
} from './internal/errors.js'
import { NativeClient } from './internal/native-client.js'
import type { Failure } from './internal/native-receiver.js'
import type { ConnectOptions } from './internal/native.js'
import * as r from './native/records.js'
import { onceHandlesClose } from './internal/handle-close.js'
import { shutDown, type SocketResource } from './internal/resources.js'
import { kAsyncId } from './internal/symbols.js'
import {
  showAsNodes,
  kConnection,
  kCounted,
  kDestroyed,
  NativeSocket,
  TIMEOUT_MAX,
  type Callback,
  type Listener,
} from './native-socket.js'

const { EPIPE, ECANCELED } = constants.errno

export class ClientSocket extends NativeSocket<NativeClient> {
  /** The request whose turn it is, or was. */
  _httpMessage: ClientRequest | null = null
  /** Where programs look whether somebody reads HTTP from the socket. */
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
   * @param resource of whoever asked for the connection
   * @param maxHeaderSize and `validation`: how the first response is read
   */
  constructor(resource: SocketResource, maxHeaderSize: number, validation: number) {
    super({}, (socket) => new NativeClient(socket as ClientSocket, maxHeaderSize, validation))
    this.#resource = resource
    this[kAsyncId] = resource.asyncId()
    this.connecting = true
  }

  /** The name has been resolved: the attempt begins. */
  connectTo(target: ConnectOptions): void {
    if (this.destroyed) return
    this.#target = target
    const { addresses, port = 0 } = target
    if (addresses !== undefined) {
      this.autoSelectFamilyAttemptedAddresses = addresses.map((address) => `${address}:${port}`)
      // Only the first attempt is told of: whether others follow is the I/O thread's to see.
      this.emit('connectionAttempt', addresses[0], port, net.isIP(addresses[0]!))
    }
    // Node's own timer ran as long as nobody else knew of the connection.
    const socketTimeout = Math.min(this.timeout ?? 0, TIMEOUT_MAX)
    super.setTimeout(0)
    this.timeout = socketTimeout
    this.#attempt = this.#resource.connect()
    const errno = this[kConnection].connect({ ...target, socketTimeout })
    if (errno === 0) return
    this.#attempt.emitDestroy()
    this.destroy(systemError(getSystemErrorName(-errno), 'connect'))
  }

  [kRenew](): void {
    this.#resource = this.#resource.reused()
    this[kAsyncId] = this.#resource.asyncId()
  }

  // ---- from the connection -------------------------------------------------------------------------------------

  onConnected(index: number): void {
    this.#endAttempt(this.#tellConnected, index)
  }

  onConnectFailed(failures: Failure[]): void {
    this.#endAttempt(this.#tellFailed, failures)
  }

  #endAttempt<A>(tell: (outcome: A) => void, outcome: A): void {
    const attempt = this.#attempt!
    this.#attempt = null
    try {
      attempt.runInAsyncScope(tell, this, outcome)
    } finally {
      attempt.emitDestroy()
    }
  }

  #tellConnected(index: number): void {
    if (this.destroyed) return
    this.connecting = false
    this.#connected = true
    const target = this.#target!
    if (target.addresses !== undefined)
      this.autoSelectFamilyAttemptedAddresses = target.addresses
        .slice(0, index + 1)
        .map((address) => `${address}:${target.port ?? 0}`)
    this.emit('connect')
    this.emit('ready')
    if (this.readableFlowing === true) this.read(0)
  }

  #tellFailed(failures: Failure[]): void {
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

  /** The connection is gone, with an error number unless that was in order. */
  onConnectionClosed(errno: number): void {
    // Its own end of the connection was given up on purpose.
    const wanted = errno === 0 || errno === ECANCELED
    this.#attempt?.emitDestroy()
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
    // Whoever waits for 'finish' destroys what has not been sent by then.
    if (connection.writableLength === 0) callback()
    else connection.afterWrites(() => callback())
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.connecting = false
    const connection = this[kConnection]
    if (connection.closed) {
      callback(error)
      if (this.#connected && error === null) process.nextTick(() => this.#tellClosed(false))
      else onceHandlesClose(() => this.#tellClosed(error !== null))
      return
    }
    this[kCounted]()
    // With an error 'close' has its place in the turn, and the I/O thread's part in it is nobody's concern.
    if (error === null) this[kDestroyed] = () => this.#tellClosed(false)
    else onceHandlesClose(() => this.#tellClosed(true))
    // 'error' comes ahead of 'close'.
    callback(error)
    connection.close(r.CLOSE_DESTROY)
  }

  /** Whoever asked for the connection, last, is told of its end. */
  #tellClosed(hadError: boolean): void {
    this.#shutdown?.emitDestroy()
    this.#resource.emitDestroy()
    this.#resource.runInAsyncScope(emitClose, undefined, this, hadError, this.#connected)
  }
}

/**
 * A program listens to what the peer sends. It gets a copy of what responses are read from; while there is no request the
 * bytes are its own.
 */
function showInput(socket: ClientSocket, event: string): void {
  if (event !== 'data' && event !== 'readable') return
  // Absent within net.Socket's constructor.
  const connection = socket[kConnection] as NativeClient | undefined
  if (connection === undefined || connection.upgraded) return
  if (socket._httpMessage === null) connection.handOver()
  else if (event === 'data') connection.tap()
}

/** Writes that were under way fail ahead of 'close', those that waited for the connection behind it. */
function emitClose(socket: ClientSocket, hadError: boolean, connected: boolean): void {
  const connection = socket[kConnection]
  if (connected) connection.failWrites(() => systemError('ECANCELED', 'write'))
  else socket.once('close', () => connection.failWrites(ERR_SOCKET_CLOSED_BEFORE_CONNECTION))
  socket.emit('close', hadError)
}

showAsNodes(ClientSocket)
