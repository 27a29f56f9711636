/** Parts of a message that waited for the same moment, as one. */
import type { CorkedChunk } from './outgoing-state.js'
import type { WriteCallback } from './transport.js'

/** All parts as one, in their order. */
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

/** Tells all who asked; null where nobody did. */
export function joinCallbacks(parts: CorkedChunk[]): WriteCallback | null {
  const callbacks: WriteCallback[] = []
  for (const { callback } of parts) if (callback !== null) callbacks.push(callback)
  if (callbacks.length === 0) return null
  return (error) => {
    for (const each of callbacks) each(error)
  }
}

/** Parts that are text in one encoding, as one text; null where their bytes would not be those of the parts. */
function joinText(parts: CorkedChunk[]): string | null {
  const { encoding } = parts[0]!
  const utf8 = !encoding || encoding === 'utf8'
  if (!utf8 && encoding !== 'latin1') return null
  let text = ''
  for (const part of parts) {
    if (typeof part.chunk !== 'string' || (part.encoding || 'utf8') !== (encoding || 'utf8')) return null
    // Halves of a character in two parts are two unreadable ones, also next to each other.
    if (utf8 && text !== '' && (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800) return null
    text += part.chunk
  }
  return text
}
