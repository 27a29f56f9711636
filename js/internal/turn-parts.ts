/** The parts of an outgoing message that wait for the end of this turn, or for `uncork()`, and leave together. */
import type { OutgoingMessage } from '../outgoing.js'
import { ERR_STREAM_DESTROYED } from './errors.js'
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
import { kSocket, kState, kTransport } from './symbols.js'
import { CHUNKED, type BodyChunk, type MessageTransport } from './transport.js'

/** Bytes of the chunked coding around a chunk of this length: its size line, and two line ends. */
function framingLength(length: number): number {
  return length.toString(16).length + 4
}

/**
 * Whether a part waits for the end of this turn. Node holds back what is written in one turn, so that it leaves together, or
 * not at all if the message is destroyed: since 24.22 in the message, as one chunk, before that in the socket.
 */
export function waitsForTurn(message: OutgoingMessage, transport: MessageTransport, chunk: BodyChunk): boolean {
  if (!message.chunkedEncoding && transport.takesParts !== true) return false
  const socketIsCorked = transport.isSocketCorked === true
  // Before 24.22 only what follows the head waits in the message.
  if (!MERGES_CHUNKS && (socketIsCorked || message[kCorked] !== 0) && !message._headerSent) return false
  if (message[kCorked] === 0 && (message[kState] & IN_TURN) === 0) {
    // The program has corked the socket, which holds back each part by itself.
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
  // An empty chunk is only a reason for the head to leave.
  return !message.chunkedEncoding || chunk.length !== 0 || message[kCorkedChunks] !== null
}

function endCork(message: OutgoingMessage): void {
  // The end of the message uncorks it, too.
  if (message[kCorked] > 0) uncorkMessage(message, false)
}

function endTurn(message: OutgoingMessage): void {
  message[kState] &= ~IN_TURN
  if (message[kCorked] === 0 && message[kCorkedChunks] !== null) releaseCorked(message)
}

/**
 * Bytes of the parts that wait, as they will leave: with the framing of their chunks, and with the head where that leaves with
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

/** Bytes that wait for the end of this turn and that Node keeps in the socket, where programs see them. */
export function plainPartsLength(message: OutgoingMessage): number {
  const parts = message[kCorkedChunks]
  if (parts === null) return 0
  return message.chunkedEncoding && MERGES_CHUNKS ? rawLength(parts) : waitingLength(message)
}

/**
 * The socket ends: sends the parts that Node has given to the socket by then. Chunks that wait in the message come too late.
 */
export function releasePlainParts(message: OutgoingMessage): void {
  const parts = message[kCorkedChunks]
  if (parts === null) return
  if (!message.chunkedEncoding || !MERGES_CHUNKS) releaseCorked(message)
  else if (message[kTransport] !== null) sendRawParts(message, message[kTransport], parts)
}

/**
 * Bytes of the socket's own wait with the parts of a message that wait for the end of this turn, which in Node hold the socket
 * corked: they leave with these, or not at all if the connection is destroyed. Chunks that wait in the message come after them.
 * @returns false when nothing waits: they can leave
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

/** Sends those of the parts that are the socket's own, and takes them away. */
function sendRawParts(message: OutgoingMessage, transport: MessageTransport, parts: CorkedChunk[]): void {
  while (parts[0]?.isRaw === true) {
    const { chunk, encoding } = parts.shift()!
    message[kCorkedLength] -= byteLength(chunk, encoding)
    transport.sendFramed(message, chunk, encoding ?? 'utf8', null)
  }
}

/**
 * Sends the parts that wait. A message that was destroyed meanwhile sends nothing of them.
 * @param corked the message has corked its socket, which holds them together already
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

/** Sends parts that leave as one. */
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

/** @param byProgram the program's own `cork()`, which also holds back what it writes to the socket itself */
export function corkMessage(message: OutgoingMessage, byProgram: boolean): void {
  message[kCorked]++
  corkSocket(message, byProgram, true)
}

/** Takes back one `corkMessage`; the last one sends what waits. */
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

/** The message is destroyed: chunks that wait in it are dropped, and no longer hold the socket corked. */
export function dropChunks(message: OutgoingMessage): void {
  if (message[kCorkedChunks] === null || !message.chunkedEncoding || !MERGES_CHUNKS) return
  message[kCorked] = 1
  uncorkMessage(message, false)
}

/** Bytes that have been written and that the kernel has not taken, as far as this thread knows. */
export function unsentLength(message: OutgoingMessage): number {
  const transport = message[kTransport]
  const handedOver =
    transport !== null ? (transport.countedLength ?? transport.writableLength) : (message[kSocket]?.writableLength ?? 0)
  return message.outputSize + waitingLength(message) + handedOver
}

/** Emits 'drain' if `write()` has promised one. */
export function emitDrain(message: OutgoingMessage): void {
  if ((message[kState] & NEED_DRAIN) === 0) return
  message[kState] &= ~NEED_DRAIN
  message.emit('drain')
}

/** The parts of this turn and the last one, as one; null where they must be sent by themselves. */
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
