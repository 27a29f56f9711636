/** `req.socket`: the socket of a connection that a server has accepted. */
import type net from 'node:net'

import type { Server } from '../../server.js'
import { environment } from '../bridge/environment.js'
import type { Connection } from './connection.js'
import { ERR_HTTP_SOCKET_ENCODING, isCutOff } from '../errors.js'
import { onceHandlesClose } from '../node-parity/handle-close.js'
import { kStream, type SocketSide } from './port.js'
import { noteTimeoutListener } from './settings.js'
import * as r from '../../native/records.js'
import { kAsyncId } from '../symbols.js'
import type { BodyChunk } from '../bridge/transport.js'
import {
  showAsNodes,
  kConnection,
  kCounted,
  kDestroyed,
  NativeSocket,
  type Callback,
  type Listener,
} from '../socket/native-socket.js'

/** See the module. Made when a program first needs it (`req.socket`, 'connection', 'upgrade', 'connect', …). */
export class ConnectionSocket extends NativeSocket<Connection> implements SocketSide {
  #tapped = false
  /** The last response has been handed over, and the connection closes after it. */
  #isAnswered = false
  #hasResponse = false
  /** The peer has sent FIN, and this side ends the connection, too. */
  #endsWithPeer = false
  /** Has 'finish' emitted. Called when the connection has closed after its last bytes. */
  #finish: Callback | null = null
  declare parser?: null
  declare [kAsyncId]: number
  server: Server
  _server: Server

  constructor(connection: Connection) {
    super(
      { allowHalfOpen: true, highWaterMark: connection.server.highWaterMark } as net.SocketConstructorOpts,
      () => connection,
    )
    this[kAsyncId] = connection.resource!.asyncId()
    this.server = connection.server
    this._server = connection.server
    if (connection.server.timeout > 0) this.timeout = connection.server.timeout
    if (connection.upgraded) this.release()
    else {
      super.on('error', onError)
      super.on('timeout', onTimeout)
      super.on('data', readByTheServer)
      super.on('close', this.#onClose)
      if (connection.response !== null) this.expectResponse()
    }
  }

  readonly reportsClose = true

  get [kStream](): this {
    return this
  }

  /** The parser reads the connection. A listener for 'data' receives a copy of the bytes from now on. */
  override on(event: string, listener: Listener): this {
    if (event === 'data') this.#tap()
    else if (event === 'timeout') noteTimeoutListener(this[kConnection].server)
    return super.on(event, listener)
  }

  override addListener(event: string, listener: Listener): this {
    return this.on(event, listener)
  }

  override prependListener(event: string, listener: Listener): this {
    if (event === 'data') this.#tap()
    else if (event === 'timeout') noteTimeoutListener(this[kConnection].server)
    return super.prependListener(event, listener)
  }

  /** Before an upgrade the peer's bytes do not pass through here. Bytes that a program pushes go to the parser. */
  override push(chunk: BodyChunk | null, encoding: BufferEncoding = 'utf8'): boolean {
    const connection = this[kConnection]
    if (chunk === null || connection.upgraded) return super.push(chunk, encoding)
    connection.feed(chunk, encoding)
    return true
  }

  /** As `push`: bytes that the program returns to the stream are parsed. */
  override unshift(chunk: Uint8Array | string, encoding: BufferEncoding = 'utf8'): void {
    if (this[kConnection].upgraded) super.unshift(chunk, encoding)
    else this.push(chunk, encoding)
  }

  #tap(): void {
    const connection = this[kConnection]
    if (this.#tapped || connection.upgraded) return
    this.#tapped = true
    connection.tapped = true
    connection.command(r.OUT_TAP)
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
    connection.setPaused(on)
  }

  /** Node pauses the socket while a body arrives faster than it is read. */
  setBodyHeld(on: boolean): void {
    if (this[kConnection].paused) return
    if (on) super.pause()
    else super.resume()
  }

  flow(): void {
    if (this[kConnection].paused) this.resume()
  }

  override end(...args: unknown[]): this {
    this[kConnection].beforeEnd()
    return super.end(...(args as [() => void]))
  }

  endWriting(): void {
    this.#isAnswered = true
    this.end()
  }

  endWithPeer(close: () => void): void {
    this.afterEnd(() => {
      this.#endsWithPeer = true
      if (this.writable) this.end()
      else close()
    })
  }

  /** As in Node a listener of 'close' ends the response. Later responses share it. */
  expectResponse(): void {
    this[kConnection].closesIdle = false
    if (this.#hasResponse || this[kConnection].upgraded) return
    this.#hasResponse = true
    super.on('close', onResponseClose)
  }

  /**
   * The first listener of 'close': aborts the requests. Programs emit 'close' themselves, and call its listeners, so it does not
   * depend on `this`.
   */
  readonly #onClose = (): void => {
    if (this.destroyed) this[kConnection].endRequests()
    else this[kConnection].abortMessages()
  }

  /** Removes the server's own listeners. */
  override release(): void {
    this.removeListener('error', onError)
    this.removeListener('timeout', onTimeout)
    this.removeListener('data', readByTheServer)
    this.removeListener('close', this.#onClose)
    this.removeListener('close', onResponseClose)
    super.release()
    this.parser = null
  }

  override onClosed(error: Error | null): void {
    if (error === null && this.finishNow()) {
      environment.afterPhase.add(() => this.onClosed(null))
      return
    }
    const { closesIdle, ending, upgraded } = this[kConnection]
    if (this.destroyed || error !== null) super.onClosed(error)
    else if (this.#finish !== null) {
      // After the peer's FIN, too, the stream destroys itself.
      if (this.#isAnswered) super.once('finish', () => this.destroy())
      this.#finish(null)
    } else if (closesIdle) this.destroy()
    else if (ending || upgraded) super.onClosed(null)
    // The I/O thread has answered the FIN of an idle connection itself.
    else this.afterEnd(() => this.end())
  }

  /** The peer's FIN has cut off a request: 'end' is emitted before the error. */
  fail(error: Error): void {
    if (isCutOff(error)) this.afterEnd(() => this.destroy(error))
    else this.destroy(error)
  }

  afterEnd(callback: () => void): void {
    if (this.destroyed || this.readableEnded) {
      callback()
      return
    }
    super.prependOnceListener('end', callback)
    this.endReading()
  }

  override _final(callback: Callback): void {
    if (this[kConnection].closed) callback()
    else if (this.#isAnswered || this.#endsWithPeer) {
      this[kConnection].close(r.CLOSE_AFTER_FLUSH)
      this.#finish = callback
    } else {
      // As in Node a program that ends the socket still receives what the peer sends, and 'finish' is not emitted if it destroys
      // the socket now.
      this[kConnection].close(r.CLOSE_HALF)
      this.finishAfterPhase(callback)
    }
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const connection = this[kConnection]
    const report = (): void => {
      if (connection.upgraded) connection.endMessages()
      try {
        this.emit('close', error !== null)
      } finally {
        // The program may have removed the listeners.
        connection.endMessages()
      }
    }
    const emitClose = (): void => {
      connection.resource!.runInAsyncScope(report)
    }
    if (connection.closed) {
      callback(error)
      connection.uncount()
      if (error === null) environment.afterPhase.add(emitClose)
      else onceHandlesClose(emitClose)
      return
    }
    this[kCounted]()
    // In Node the socket is still open when the last response has been handed over, so a write would be no error.
    const isOurs = this.#isAnswered && (error as NodeJS.ErrnoException | null)?.code === 'ERR_STREAM_WRITE_AFTER_END'
    if (error !== null && !isOurs) connection.recall()
    connection.close(r.CLOSE_DESTROY)
    if (error === null) this[kDestroyed] = emitClose
    else {
      // Two things are awaited: the record that the connection has closed, and the end of this turn.
      let due = false
      const proceed = (): void => {
        if (due) emitClose()
        due = true
      }
      this[kDestroyed] = proceed
      onceHandlesClose(proceed)
    }
    callback(error)
    // As in Node the server's 'close' comes after 'error' and before the socket's 'close'.
    connection.uncount()
  }

  /** A decoder would break the framing of bodies. After an upgrade the program may set one. */
  override setEncoding(encoding?: BufferEncoding): this {
    if (!this[kConnection].upgraded) throw ERR_HTTP_SOCKET_ENCODING()
    return super.setEncoding(encoding)
  }
}

showAsNodes(ConnectionSocket)

/** Whether an I/O thread reads HTTP from the socket. */
export function isServedNatively(socket: unknown): boolean {
  return socket instanceof ConnectionSocket && !socket[kConnection].upgraded
}

/** The server's own listener for 'error'. It handles the first error and ignores later ones. */
function onError(this: ConnectionSocket, error: Error): void {
  this.removeListener('error', onError)
  if (this.listenerCount('error', ignore) === 0) this.on('error', ignore)
  if (!this[kConnection].upgraded) this[kConnection].onSocketError(error)
}

function ignore(): void {}

/** A listener of 'close' for the current response. Programs call listeners with other objects, too. */
function onResponseClose(this: ConnectionSocket): void {
  this[kConnection]?.endResponse()
}

function onTimeout(this: ConnectionSocket): void {
  this[kConnection].onSocketTimeout()
}

/** Starts the flow of the socket and adds a 'data' listener, as the parser does in Node. */
function readByTheServer(): void {}

Object.defineProperty(ConnectionSocket.prototype, '_httpMessage', {
  configurable: true,
  /** The response that is being sent. */
  get(this: ConnectionSocket) {
    return this[kConnection].shownResponse
  },
  set(this: ConnectionSocket, value: unknown) {
    if (this[kConnection].showResponse(value)) return
    Object.defineProperty(this, '_httpMessage', { value, writable: true, configurable: true, enumerable: true })
  },
})
