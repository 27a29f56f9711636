/**
 * A client's connection over any Duplex: Node's own sockets, TLS sockets, the result of a program's `createConnection`. The
 * engine parses the stream's bytes, `StreamTransport` frames requests.
 */
import { AsyncResource } from 'node:async_hooks'
import http from 'node:http'
import type { Socket } from 'node:net'

import type { ClientRequest } from '../../client.js'
import { validationOf } from '../../common.js'
import * as fields from '../../native/record-fields.js'
import * as r from '../../native/records.js'
import type { ClientConnection } from './connection.js'
import * as exchange from './exchange.js'
import {
  aligned,
  deliver,
  words,
  type ClientReceiver,
  type FastBuffer,
  type ResponseRecord,
} from '../bridge/record-reader.js'
import { BindingSession, type NativeSession } from '../bridge/native.js'
import type { CorkedChunk } from '../message/outgoing-state.js'
import { isEarlyEnd, responseError } from '../bridge/response-error.js'
import { StreamTransport, type AssignableSocket } from '../message/stream-transport.js'
import { lookForTracing } from '../node-parity/trace-events.js'
import { END, type SettledMessage, type WirePart, type WriteCallback, type MessagePart } from '../bridge/transport.js'

/** A stream's connection, for as long as the stream lives. */
const kConnection = Symbol('ferrohttp.clientConnection')

type Stream = AssignableSocket & {
  [kConnection]?: StreamClient
  _hadError?: boolean
  parser?: StreamClient | null
}

/** The argument of `session.begin`. */
function requestKind(method: string): number {
  return method === 'HEAD' ? r.REQUEST_IS_HEAD : method === 'CONNECT' ? r.REQUEST_IS_CONNECT : r.REQUEST_IS_ORDINARY
}

let opened = 0

/** Number of connections over streams so far. */
export function streamClientCount(): number {
  return opened
}

export class StreamClient extends StreamTransport implements ClientConnection, ClientReceiver {
  readonly #stream: Stream
  #request: ClientRequest | null = null
  #session: NativeSession | null = null
  #maxHeaderSize = 0
  #validation = 0
  /** The async context of the request. */
  #scope: AsyncResource | null = null
  /** Whether the engine expects the response to `#request`. */
  #begun = false
  /** Whether the connection waits for its next request. */
  #idle = false

  /** The connection of `socket`, made at the first call. */
  static of(socket: Socket): StreamClient {
    const stream = socket as unknown as Stream
    return (stream[kConnection] ??= new StreamClient(stream))
  }

  private constructor(stream: Stream) {
    super(stream)
    this.#stream = stream
    opened++
    lookForTracing()
  }

  get source(): Socket {
    return this.socket
  }

  get request(): ClientRequest | null {
    return this.#request
  }

  get failed(): boolean {
    return this.#stream._hadError === true
  }

  /** The member where Node keeps it, and where programs that make their own sockets read it. */
  set failed(value: boolean) {
    this.#stream._hadError = value
  }

  attach(request: ClientRequest): void {
    const stream = this.#stream
    this.#wake()
    this.#request = request
    this.#scope = new AsyncResource('HTTPCLIENTREQUEST', { requireManualDestroy: true })
    stream._httpMessage = request
    stream.parser = this
    stream.on('error', this.#onError)
    stream.on('data', this.#onData)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onClose)
  }

  detach(): void {
    this.#unlisten()
    this.#release()
  }

  becomeIdle(): void {
    if (this.#request !== null || this.#idle || this.destroyed) return
    this.#idle = true
    this.#stream.on('data', this.#onUnsolicited)
  }

  handOver(): void {
    this.#wake()
    this.#unlisten()
    this.#release()
    this.#session = null
    this.#stream[kConnection] = undefined
    const stream = this.#stream as { _httpMessage?: unknown; readableFlowing?: boolean | null }
    stream._httpMessage = null
    // No byte may be lost before the new owner listens.
    stream.readableFlowing = null
  }

  setResponding(on: boolean): void {
    if (on) this.#stream.on('timeout', this.#onTimeout)
    else this.#stream.removeListener('timeout', this.#onTimeout)
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    const { readable, _paused: paused } = this.#stream as { readable: boolean; _paused?: boolean }
    if (readable && !paused) this.#stream.resume()
  }

  finish(): void {
    const stream = this.#stream
    if (!stream.writable) return
    if (typeof stream.destroySoon === 'function') stream.destroySoon()
    else stream.end()
  }

  protected override send(
    message: SettledMessage,
    part: MessagePart,
    flags: number,
    trailers: string,
    callback: WriteCallback | null,
  ): boolean {
    this.#begin()
    const accepted = super.send(message, part, flags, trailers, callback)
    if ((flags & END) !== 0) this.#session?.finished(this.#request?.shouldKeepAlive === false)
    return accepted
  }

  override sendChunk(
    message: SettledMessage,
    head: string,
    parts: readonly CorkedChunk[],
    callback: WriteCallback | null,
  ): boolean {
    this.#begin()
    return super.sendChunk(message, head, parts, callback)
  }

  override sendQueued(message: SettledMessage, parts: readonly WirePart[], flags: number): boolean {
    this.#begin()
    const accepted = super.sendQueued(message, parts, flags)
    if ((flags & END) !== 0) this.#session?.finished(this.#request?.shouldKeepAlive === false)
    return accepted
  }

  #begin(): void {
    const request = this.#request
    if (request === null || this.#begun) return
    this.#begun = true
    const maxHeaderSize = request.maxHeaderSize || http.maxHeaderSize
    const validation = validationOf(request)
    const fits = this.#session !== null && this.#maxHeaderSize === maxHeaderSize && this.#validation === validation
    const kind = requestKind(request.method)
    if (fits && this.#session!.begin(kind)) return
    // A program's own agent may use a connection again, even if its last response had announced the close.
    this.#maxHeaderSize = maxHeaderSize
    this.#validation = validation
    this.#session = new BindingSession(true, { maxHeaderSize, maxHeadersCount: 0, validation })
    this.#session.begin(kind)
  }

  #wake(): void {
    if (!this.#idle) return
    this.#idle = false
    this.#stream.removeListener('data', this.#onUnsolicited)
  }

  #unlisten(): void {
    const stream = this.#stream
    stream.removeListener('error', this.#onError)
    stream.removeListener('data', this.#onData)
    stream.removeListener('end', this.#onEnd)
    stream.removeListener('close', this.#onClose)
    stream.removeListener('timeout', this.#onTimeout)
  }

  #release(): void {
    this.#request = null
    this.#begun = false
    this.#scope?.emitDestroy()
    this.#scope = null
    this.#stream.parser = null
  }

  readonly #onTimeout = (): void => {
    if (this.#request !== null) exchange.onResponseTimeout(this.#request)
  }

  readonly #onUnsolicited = (): void => {
    this.#stream.destroy()
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    const data = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk
    // A server may send a response before the request.
    this.#begin()
    this.#receive(this.#session!.feed(data))
  }

  readonly #onEnd = (): void => {
    const request = this.#request!
    // The peer has sent its last byte. The stream is ended when the response has been read.
    if (request.res?.complete && !request.shouldKeepAlive) return
    const records = this.#session?.eof() ?? null
    if (request.res === null) exchange.onHangUp(request, this)
    this.#receive(records)
    this.#stream.destroy()
  }

  readonly #onError = (error: Error): void => {
    const request = this.#request
    if (request !== null) exchange.onSocketError(request, this, error)
    this.#stream.removeListener('data', this.#onData)
    this.#stream.removeListener('end', this.#onEnd)
    this.#stream.destroy()
  }

  readonly #onClose = (): void => {
    const request = this.#request
    if (request === null) return
    // The rest of the stream may be the end of the response.
    this.#stream.read?.()
    // A stream that closes without 'end' reports no end. A response that the program has destroyed gets one nevertheless.
    exchange.onClose(request, this)
    this.#receive(this.#session?.eof() ?? null)
    this.#release()
  }

  /** Serves records in the request's async context, while it is the request's connection. */
  #receive(records: Uint8Array | null): void {
    if (records !== null) this.#scope!.runInAsyncScope(this.#serve, this, aligned(records))
  }

  #serve(bytes: FastBuffer): void {
    const request = this.#request
    const inWords = words(bytes)
    for (let at = 0; at < bytes.length && this.#request === request; ) {
      const start = at
      at += fields.length(inWords, start >> 2)
      deliver(this, bytes, inWords, start, true)
    }
  }

  // ---- ClientReceiver ------------------------------------------------------------------------------------------

  onResponse(head: ResponseRecord): void {
    exchange.onResponse(this.#request!, this, head)
  }

  onBody(_flags: number, chunk: Buffer): void {
    exchange.onBody(this.#request!, this, chunk)
  }

  onEnd(flags: number, trailers: string): void {
    exchange.onEnd(this.#request!, this, flags, trailers)
  }

  onParseError(kind: number, bytesParsed: number, packet: Buffer): void {
    // A stream that ends too early reports that itself.
    if (isEarlyEnd(kind)) return
    const request = this.#request!
    this.#stream.removeListener('data', this.#onData)
    this.#stream.removeListener('end', this.#onEnd)
    this.#stream.destroy()
    const error = responseError(kind, bytesParsed, packet, request.res?.complete === false)
    if (error !== null) exchange.onParseError(request, this, error)
  }

  /** The stream itself reports its writes, its timeout and its end. */
  onAck(): void {}

  onTimeout(): void {}

  onEof(): void {}
}
