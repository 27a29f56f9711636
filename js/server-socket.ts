/** `req.socket`: the socket of a connection that a server accepted. */
import type net from 'node:net'

import type { Server } from './server.js'
import type { Connection } from './internal/connection.js'
import { ERR_HTTP_SOCKET_ENCODING, isCutOff } from './internal/errors.js'
import { onceHandlesClose } from './internal/handle-close.js'
import { kStream, type SocketSide } from './internal/port.js'
import * as r from './native/records.js'
import { kAsyncId } from './internal/symbols.js'
import type { BodyChunk } from './internal/transport.js'
import {
  showAsNodes,
  kConnection,
  kCounted,
  kDestroyed,
  NativeSocket,
  type Callback,
  type Listener,
} from './native-socket.js'

/** See the module. Made on the first look at it (`req.socket`, 'connection', 'upgrade', 'connect', …). */
export class ConnectionSocket extends NativeSocket<Connection> implements SocketSide {
  #tapped = false
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
    }
  }

  readonly tellsClose = true

  get [kStream](): this {
    return this
  }

  /** What comes in is the parser's; who listens beside it gets a copy, from now on. */
  override on(event: string, listener: Listener): this {
    if (event === 'data') this.#tap()
    return super.on(event, listener)
  }

  override addListener(event: string, listener: Listener): this {
    return this.on(event, listener)
  }

  override prependListener(event: string, listener: Listener): this {
    if (event === 'data') this.#tap()
    return super.prependListener(event, listener)
  }

  /** Before an upgrade nothing of the peer's comes this way: what a program pushes is for the parser. */
  override push(chunk: BodyChunk | null, encoding: BufferEncoding = 'utf8'): boolean {
    const connection = this[kConnection]
    if (chunk === null || connection.upgraded) return super.push(chunk, encoding)
    connection.feed(chunk, encoding)
    return true
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

  /** Node pauses the socket while a body is not read as fast as it comes. */
  bodyHeld(on: boolean): void {
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
    this.end()
  }

  /** Nothing of the server listens to it any more. */
  override release(): void {
    this.removeListener('error', onError)
    this.removeListener('timeout', onTimeout)
    this.removeListener('data', readByTheServer)
    super.release()
    this.parser = null
  }

  /** A request that the peer's FIN cut off has had that FIN: 'end' comes first. */
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
    this[kConnection].close(this[kConnection].upgraded ? r.CLOSE_HALF : r.CLOSE_AFTER_FLUSH)
    callback()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const connection = this[kConnection]
    const tell = (): void => {
      try {
        connection.tellClosed()
      } finally {
        this.emit('close', error !== null)
      }
    }
    const emitClose = (): void => {
      connection.resource!.runInAsyncScope(tell)
    }
    if (connection.closed) {
      callback(error)
      if (error === null) process.nextTick(emitClose)
      else onceHandlesClose(emitClose)
      return
    }
    this[kCounted]()
    connection.close(r.CLOSE_DESTROY)
    if (error === null) this[kDestroyed] = emitClose
    else {
      // Both have to come: the record that the connection is closed, and the end of the turn.
      let due = false
      const proceed = (): void => {
        if (due) emitClose()
        due = true
      }
      this[kDestroyed] = proceed
      onceHandlesClose(proceed)
    }
    callback(error)
  }

  /** Bodies are framed bytes; a decoder in between would break them. After an upgrade they are the program's. */
  override setEncoding(encoding?: BufferEncoding): this {
    if (!this[kConnection].upgraded) throw ERR_HTTP_SOCKET_ENCODING()
    return super.setEncoding(encoding)
  }
}

showAsNodes(ConnectionSocket)

/** Whether `socket` is one that an I/O thread reads HTTP from. */
export function isServedNatively(socket: unknown): boolean {
  return socket instanceof ConnectionSocket && !socket[kConnection].upgraded
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

Object.defineProperty(ConnectionSocket.prototype, '_httpMessage', {
  configurable: true,
  /** The response whose turn it is. */
  get(this: ConnectionSocket) {
    return this[kConnection].shownResponse
  },
  set(this: ConnectionSocket, value: unknown) {
    if (this[kConnection].showResponse(value)) return
    Object.defineProperty(this, '_httpMessage', { value, writable: true, configurable: true, enumerable: true })
  },
})
