/** The parts of an outgoing message that wait for the end of this turn, or for `uncork()`, and are sent together. */
import type { OutgoingMessage } from '../../outgoing.js'
import { framingLength } from '../chunked-coding.js'
import { ERR_STREAM_DESTROYED } from '../errors.js'
import { joinCallbacks, joinParts } from './joined-parts.js'
import {
  kCorked,
  kCorkedChunks,
  kCorkedLength,
  kErrored,
  IN_TURN,
  JOINING,
  NEED_DRAIN,
  type CorkedChunk,
} from './outgoing-state.js'
import { headText, type Encoding } from './output-queue.js'
import { byteLength, flushOutput, send, transportOf } from './sending.js'
import { MERGES_CHUNKS } from './stream-writer.js'
import { kSocket, kState, kTransport } from '../symbols.js'
import { CHUNKED, type BodyChunk, type MessageTransport } from '../bridge/transport.js'

/**
 * Whether a part waits for the end of this turn. Node sends the parts of one turn together, or not at all if the message is
 * destroyed. They wait in the message since 24.22, as one chunk, and in the socket before that.
 */
export function waitsForTurn(message: OutgoingMessage, transport: MessageTransport, chunk: BodyChunk): boolean {
  if (!message.chunkedEncoding && transport.takesParts !== true) return false
  const socketIsCorked = transport.isSocketCorked === true
  // Before 24.22 only parts after the head wait in the message.
  if (!MERGES_CHUNKS && (socketIsCorked || message[kCorked] !== 0) && !message._headerSent) return false
  if (message[kCorked] === 0 && (message[kState] & IN_TURN) === 0) {
    // The program has corked the socket, which holds back the parts itself.
    if (socketIsCorked) return false
    if (MERGES_CHUNKS) {
      corkMessage(message, false)
      process.nextTick(endCork, message)
    } else if (transport.takesParts === true) {
      message[kState] |= IN_TURN
      process.nextTick(endTurn, message)
    } else {
      return false
    }
  }
  // An empty chunk has no effect except that the head is sent.
  return !message.chunkedEncoding || chunk.length !== 0 || message[kCorkedChunks] !== null
}

function endCork(message: OutgoingMessage): void {
  // The end of the message uncorks the message, too.
  if (message[kCorked] > 0) uncorkMessage(message, false)
}

function endTurn(message: OutgoingMessage): void {
  message[kState] &= ~IN_TURN
  if (message[kCorked] === 0 && message[kCorkedChunks] !== null) releaseCorked(message)
}

/**
 * Number of bytes of the waiting parts on the wire: with the framing of their chunks, and with the head if it is sent together with
 * them.
 */
export function waitingLength(message: OutgoingMessage): number {
  const parts = message[kCorkedChunks]
  if (parts === null) return 0
  const head = !message._headerSent && message._header ? message._header.length : 0
  if (!message.chunkedEncoding) return head + message[kCorkedLength]
  if (MERGES_CHUNKS) {
    const raw = rawLength(parts)
    return head + message[kCorkedLength] + framingLength(message[kCorkedLength] - raw)
  }
  let framing = 0
  for (const { chunk, encoding, joins, isRaw } of parts)
    if (!joins && isRaw !== true && chunk.length !== 0) framing += framingLength(byteLength(chunk, encoding))
  return head + message[kCorkedLength] + framing
}

function rawLength(parts: CorkedChunk[]): number {
  let bytes = 0
  for (const { chunk, encoding, isRaw } of parts) if (isRaw === true) bytes += byteLength(chunk, encoding)
  return bytes
}

/** Number of bytes that wait for the end of this turn and that Node keeps in the socket, where programs see them. */
export function plainPartsLength(message: OutgoingMessage): number {
  const parts = message[kCorkedChunks]
  if (parts === null) return 0
  return message.chunkedEncoding && MERGES_CHUNKS ? rawLength(parts) : waitingLength(message)
}

/**
 * The socket ends: sends the parts that Node has written to the socket by then. Chunks that wait in the message are too late.
 */
export function releasePlainParts(message: OutgoingMessage): void {
  const parts = message[kCorkedChunks]
  if (parts === null) return
  if (!message.chunkedEncoding || !MERGES_CHUNKS) releaseCorked(message)
  else if (message[kTransport] !== null) sendRawParts(message, message[kTransport], parts)
}

/**
 * Bytes that a program writes to the socket wait with the message's parts of this turn, because in Node these keep the socket
 * corked. They are sent together, or not at all if the connection is destroyed. Chunks that wait in the message follow.
 * @returns false when no part waits, so the bytes can be sent
 */
export function holdRaw(message: OutgoingMessage, chunk: BodyChunk, encoding: BufferEncoding): boolean {
  const parts = message[kCorkedChunks]
  if (parts === null || message.destroyed) return false
  const part: CorkedChunk = { chunk, encoding, callback: null, joins: false, isRaw: true }
  if (message.chunkedEncoding && MERGES_CHUNKS) {
    const first = parts.findIndex(({ isRaw }) => isRaw !== true)
    parts.splice(first === -1 ? parts.length : first, 0, part)
  } else {
    message[kState] &= ~JOINING
    parts.push(part)
  }
  message[kCorkedLength] += byteLength(chunk, encoding)
  return true
}

/** Sends and removes those parts that the program has written to the socket. */
function sendRawParts(message: OutgoingMessage, transport: MessageTransport, parts: CorkedChunk[]): void {
  while (parts[0]?.isRaw === true) {
    const { chunk, encoding } = parts.shift()!
    message[kCorkedLength] -= byteLength(chunk, encoding)
    transport.sendFramed(message, chunk, encoding ?? 'utf8', null)
  }
}

/**
 * Sends the waiting parts, unless the message was destroyed in the meantime.
 * @param corked the message has corked its socket, which keeps the parts together
 */
export function releaseCorked(message: OutgoingMessage, corked = false): void {
  if (message.destroyed && MERGES_CHUNKS && message.chunkedEncoding && message[kTransport] !== null)
    sendRawParts(message, message[kTransport], message[kCorkedChunks]!)
  const parts = takeParts(message)
  if (message.destroyed) {
    const error = message[kErrored] ?? ERR_STREAM_DESTROYED('write')
    for (const { callback } of parts) if (callback !== null) process.nextTick(callback, error)
    return
  }
  const transport = message[kTransport]
  const gathers = !corked || transport?.writesAsNode !== true
  if (gathers) transport?.gather?.(true)
  try {
    for (let first = 0; first < parts.length; ) {
      const { isRaw } = parts[first]!
      if (isRaw === true && transport !== null) {
        const { chunk, encoding } = parts[first++]!
        transport.sendFramed(message, chunk, encoding ?? 'utf8', null)
        continue
      }
      let next = first + 1
      while (next < parts.length && parts[next]!.isRaw !== true && (parts[next]!.joins || !message.chunkedEncoding))
        next++
      sendParts(message, parts.slice(first, next))
      first = next
    }
  } finally {
    if (gathers) transport?.gather?.(false)
  }
}

/** Sends parts as one. */
function sendParts(message: OutgoingMessage, parts: CorkedChunk[]): void {
  const transport = transportOf(message)
  if (!message.chunkedEncoding || !message._header || transport?.sendChunk === undefined) {
    const { chunk, encoding, callback } = joinParts(parts)
    send(message, chunk, encoding, message.chunkedEncoding ? CHUNKED : 0, callback)
    return
  }
  if (message.outputData.length !== 0) flushOutput(message)
  const head = message._headerSent ? '' : headText(message, message._header, false)
  message._headerSent = true
  transport.sendChunk(message, head, parts, joinCallbacks(parts))
}

function takeParts(message: OutgoingMessage): CorkedChunk[] {
  const parts = message[kCorkedChunks]!
  message[kCorkedChunks] = null
  message[kCorkedLength] = 0
  message[kState] &= ~JOINING
  return parts
}

/** @param byProgram the program has called `cork()`, which also holds back its writes to the socket */
export function corkMessage(message: OutgoingMessage, byProgram: boolean): void {
  message[kCorked]++
  corkSocket(message, byProgram, true)
}

/** Undoes one `corkMessage`. The last one sends the waiting parts. */
export function uncorkMessage(message: OutgoingMessage, byProgram: boolean): void {
  message[kCorked]--
  if (message[kCorked] === 0) message[kState] &= ~JOINING
  const releases = message[kCorked] === 0 && message[kCorkedChunks] !== null && (message[kState] & IN_TURN) === 0
  // Before 24.22 Node uncorks its socket first.
  const early = !MERGES_CHUNKS && message[kTransport]?.writesAsNode === true
  if (early) corkSocket(message, byProgram, false)
  try {
    if (releases) releaseCorked(message, true)
  } finally {
    if (!early) corkSocket(message, byProgram, false)
  }
  if (releases && unsentLength(message) === 0) emitDrain(message)
}

function corkSocket(message: OutgoingMessage, byProgram: boolean, on: boolean): void {
  const { [kSocket]: socket, [kTransport]: transport } = message
  if (socket !== null) (on ? socket.cork : socket.uncork)?.call(socket)
  else transport?.corkSocket?.(on, byProgram)
}

/** The message is destroyed: its waiting chunks are dropped, and do not keep the socket corked any more. */
export function dropChunks(message: OutgoingMessage): void {
  if (message[kCorkedChunks] === null || !message.chunkedEncoding || !MERGES_CHUNKS) return
  message[kCorked] = 1
  uncorkMessage(message, false)
}

/** Number of written bytes that the kernel has not accepted, as far as this thread knows. */
export function unsentLength(message: OutgoingMessage): number {
  const transport = message[kTransport]
  const handedOver =
    transport !== null ? (transport.countedLength ?? transport.writableLength) : (message[kSocket]?.writableLength ?? 0)
  return message.outputSize + waitingLength(message) + handedOver
}

/** Emits 'drain' if `write()` has returned false. */
export function emitDrain(message: OutgoingMessage): void {
  if ((message[kState] & NEED_DRAIN) === 0) return
  message[kState] &= ~NEED_DRAIN
  message.emit('drain')
}

/** Joins the parts of this turn and the last one. Null if they must be sent separately. */
export function joinLast(
  message: OutgoingMessage,
  body: BodyChunk | null,
  encoding: Encoding,
  transport: MessageTransport | null,
): CorkedChunk | null {
  const parts = message[kCorkedChunks]!
  if (transport?.writesAsNode === true) return null
  if ((message.chunkedEncoding && !MERGES_CHUNKS) || parts.some(({ callback }) => callback !== null)) return null
  if (message.chunkedEncoding && message[kTransport] !== null) sendRawParts(message, message[kTransport], parts)
  if (parts.some(({ isRaw }) => isRaw === true)) return null
  if (body !== null) parts.push({ chunk: body, encoding, callback: null, joins: true })
  return joinParts(takeParts(message))
}
