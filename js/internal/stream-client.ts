/**
 * A client's connection over any Duplex: Node's own sockets, TLS sockets, what a program's `createConnection` answers.
 * The stream brings bytes to the engine, framing is done by `StreamTransport`.
 */
import { AsyncResource } from 'node:async_hooks'
import http from 'node:http'
import type { Socket } from 'node:net'

import type { ClientRequest } from '../client.js'
import { isLenient } from '../common.js'
import type { ClientConnection } from './client-connection.js'
import * as exchange from './exchange.js'
import { BindingSession, type NativeSession } from './native.js'
import * as r from './records.js'
import { responseError } from './response-error.js'
import { StreamTransport, type AssignableSocket } from './stream-transport.js'
import { END, type BodyChunk, type SettledMessage, type WriteCallback } from './transport.js'

/** A stream's connection, for as long as the stream lives. */
const kConnection = Symbol('ferrohttp.clientConnection')

type Stream = AssignableSocket & {
  [kConnection]?: StreamClient
  _hadError?: boolean
  parser?: StreamClient | null
}

const [ORDINARY, HEAD, CONNECT] = [0, 1, 2]

/** What `session.begin` is to be told. */
function requestKind(method: string): number {
  return method === 'HEAD' ? HEAD : method === 'CONNECT' ? CONNECT : ORDINARY
}

let opened = 0

/** Connections that were made over streams, so far. */
export function streamClientCount(): number {
  return opened
}

export class StreamClient extends StreamTransport implements ClientConnection {
  readonly #stream: Stream
  #request: ClientRequest | null = null
  #session: NativeSession | null = null
  #maxHeaderSize = 0
  #lenient = false
  /** The async context of the request. */
  #scope: AsyncResource | null = null
  /** The engine expects the response to `#request`. */
  #begun = false
  /** The connection waits for its next request. */
  #idle = false

  /** The connection that goes over `socket`, made at the first call. */
  static of(socket: Socket): StreamClient {
    const stream = socket as unknown as Stream
    return (stream[kConnection] ??= new StreamClient(stream))
  }

  private constructor(stream: Stream) {
    super(stream)
    this.#stream = stream
    opened++
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

  /** Where Node keeps it, and programs that make their own sockets look for it. */
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

  rest(): void {
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
    // Nothing is to get lost before the new owner listens.
    stream.readableFlowing = null
  }

  responding(on: boolean): void {
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

  override sendHead(
    message: SettledMessage,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    this.#begin()
    const accepted = super.sendHead(message, head, body, encoding, flags, callback)
    this.#sent(flags)
    return accepted
  }

  override sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    const accepted = super.sendBody(message, chunk, encoding, flags, callback)
    this.#sent(flags)
    return accepted
  }

  override sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    const accepted = super.sendEnd(message, trailers, flags)
    this.#sent(flags)
    return accepted
  }

  #begin(): void {
    const request = this.#request
    if (request === null || this.#begun) return
    this.#begun = true
    const maxHeaderSize = request.maxHeaderSize || http.maxHeaderSize
    const lenient = request.insecureHTTPParser ?? isLenient()
    const fits = this.#session !== null && this.#maxHeaderSize === maxHeaderSize && this.#lenient === lenient
    const kind = requestKind(request.method)
    if (fits && this.#session!.begin(kind)) return
    // An agent of the program's own may use a connection again whatever its last response said.
    this.#maxHeaderSize = maxHeaderSize
    this.#lenient = lenient
    this.#session = new BindingSession(true, { maxHeaderSize, maxHeadersCount: 0, lenient })
    this.#session.begin(kind)
  }

  #sent(flags: number): void {
    if ((flags & END) !== 0) this.#session?.finished(this.#request?.shouldKeepAlive === false)
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
    // A server may speak before it is asked.
    this.#begin()
    const records = this.#session!.feed(data)
    if (records !== null) this.#scope!.runInAsyncScope(this.#take, this, records, data)
  }

  readonly #onEnd = (): void => {
    const request = this.#request!
    const records = this.#session?.eof() ?? null
    if (request.res === null) exchange.onHangUp(request, this)
    if (records !== null) this.#scope!.runInAsyncScope(this.#take, this, records, null)
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
    // What the stream has left may be the end of the response.
    this.#stream.read?.()
    const records = this.#session?.eof() ?? null
    if (records !== null) this.#scope!.runInAsyncScope(this.#take, this, records, null)
    exchange.onClose(request, this)
    this.#release()
  }

  /** @param data what the records came of, null when it was the end of the stream */
  #take(records: Buffer, data: Uint8Array | null): void {
    const request = this.#request
    for (let at = 0; at < records.length && this.#request === request && request !== null; ) {
      const start = at
      const first = records.readUInt32LE(start)
      const words = start + r.HEADER
      at += records.readUInt32LE(start + 4)
      switch (first & 0xff) {
        case r.IN_RESPONSE: {
          const block = words + 24
          const blockEnd = block + records.readUInt32LE(words + 16)
          exchange.onResponse(
            request,
            this,
            first >>> 8,
            records.readUInt32LE(words),
            records.readUInt32LE(words + 4),
            records.readUInt32LE(words + 8),
            records.toString('latin1', block, blockEnd),
            records.subarray(blockEnd, blockEnd + records.readUInt32LE(words + 20)),
          )
          break
        }
        case r.IN_BODY:
          exchange.onBody(request, this, records.subarray(words + 8, words + 8 + records.readUInt32LE(words)))
          break
        case r.IN_END:
          exchange.onEnd(request, this, records.toString('latin1', words + 4, words + 4 + records.readUInt32LE(words)))
          break
        case r.IN_ERROR:
          // A stream that ends too early tells so itself.
          if (data !== null) this.#fail(request, records.readUInt32LE(words), records.readUInt32LE(words + 4), data)
          break
        default:
      }
    }
  }

  #fail(request: ClientRequest, kind: number, bytesParsed: number, data: Uint8Array): void {
    this.#stream.removeListener('data', this.#onData)
    this.#stream.removeListener('end', this.#onEnd)
    this.#stream.destroy()
    const packet = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const error = responseError(kind, bytesParsed, packet, request.res?.complete === false)
    if (error !== null) exchange.onParseError(request, this, error)
  }
}
