/** Joins the parts of a message that are sent together. */
import type { CorkedChunk } from './outgoing-state.js'
import type { WriteCallback } from '../bridge/transport.js'

/** Returns all parts as one, in their order. */
export function joinParts(parts: CorkedChunk[]): CorkedChunk {
  if (parts.length === 1) return parts[0]!
  const callback = joinCallbacks(parts)
  const text = joinText(parts)
  const { joins } = parts[0]!
  if (text !== null) return { chunk: text, encoding: parts[0]!.encoding, callback, joins }
  const buffers = parts.map(({ chunk, encoding }) =>
    typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : chunk,
  )
  return { chunk: Buffer.concat(buffers), encoding: null, callback, joins }
}

/** A callback that calls those of all parts; null when there is none. */
export function joinCallbacks(parts: CorkedChunk[]): WriteCallback | null {
  const callbacks: WriteCallback[] = []
  for (const { callback } of parts) if (callback !== null) callbacks.push(callback)
  if (callbacks.length === 0) return null
  return (error) => {
    for (const each of callbacks) each(error)
  }
}

/** Joins parts that are text in one encoding; null when the bytes of the joined text would differ from those of the parts. */
function joinText(parts: CorkedChunk[]): string | null {
  const { encoding } = parts[0]!
  const utf8 = !encoding || encoding === 'utf8'
  if (!utf8 && encoding !== 'latin1') return null
  let text = ''
  for (const part of parts) {
    if (typeof part.chunk !== 'string' || (part.encoding || 'utf8') !== (encoding || 'utf8')) return null
    // The halves of a surrogate pair in two parts are encoded as two replacement characters. Joined they would be one character.
    if (utf8 && text !== '' && (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800) return null
    text += part.chunk
  }
  return text
}
