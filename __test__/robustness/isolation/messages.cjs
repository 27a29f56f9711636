'use strict'
// The requests to the server of the isolation test, and the expected answers: both sides derive them from the path.

/** Ways to answer that nothing may disturb. */
const GOOD = [
  'text',
  'utf8',
  'latin1',
  'buffer',
  'held',
  'parts',
  'buffers',
  'trailers',
  'interim',
  'later',
  'job',
  'tick',
  'ask',
]

/** Ways to answer that fail somewhere: their own peer may receive anything of its own, or nothing. */
const FAULTY = [
  'encoding',
  'encoding-parts',
  'encoding-raw',
  'encoding-ask',
  'deep',
  'deep-parts',
  'deep-held',
  'deep-interim',
  'deep-raw',
  'deep-ask',
  'injected',
  'injected-ask',
  'lying-length',
  'throwing-length',
  'answering-length',
  'throwing-text',
  'answering-text',
  'proxy',
  'replaced-head',
  'long-head',
  'detached',
  'transferred',
  'shrunk',
  'destroyed',
  'thrown',
  'abandoned',
]

/** A token that occurs in every 32 bytes of one request and its answer. */
function tokenOf(peer, number) {
  return `<${peer}.${number}>`
}

const TOKEN = /<\d+\.\d+>/g

/** Text of `length` characters, all of one token. */
function textOf(token, length) {
  return token.repeat(Math.ceil(length / token.length)).slice(0, length)
}

/** `length` characters with one beyond ASCII here and there. */
function utf8Of(token, length) {
  return textOf(token, length).replaceAll('>', '\u00e9>\u20ac')
}

/** The body of a way to answer. */
function bodyOf(way, token, length) {
  const text = textOf(token, length)
  if (way === 'utf8' || way === 'later') return Buffer.from(utf8Of(token, length))
  if (way === 'latin1') return Buffer.from(`${text}\u00e9`, 'latin1')
  if (way === 'held') return Buffer.from(textOf(token, length + 20_000))
  if (way === 'parts' || way === 'buffers' || way === 'trailers') return Buffer.from(text + text + text)
  return Buffer.from(text)
}

const CHUNKED = new Set(['parts', 'buffers', 'trailers'])

/** The head of a good answer. */
function headOf(way, token, length) {
  const framing = CHUNKED.has(way)
    ? 'Transfer-Encoding: chunked'
    : `Content-Length: ${bodyOf(way, token, length).length}`
  const interim = way === 'interim' ? `HTTP/1.1 103 Early Hints\r\nLink: ${token}; rel=preload\r\n\r\n` : ''
  return `${interim}HTTP/1.1 200 OK\r\nX-Token: ${token}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n${framing}\r\n\r\n`
}

/** Reads chunks. Null when they are not complete, undefined when they are none. */
function dechunk(bytes) {
  const parts = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    if (end === -1) return bytes.length - at < 20 ? null : undefined
    const line = bytes.latin1Slice(at, end)
    if (!/^[0-9a-f]+$/.test(line)) return undefined
    const length = Number.parseInt(line, 16)
    at = end + 2
    if (length === 0) {
      const rest = bytes.latin1Slice(at)
      const done = rest.startsWith('\r\n') ? 2 : rest.indexOf('\r\n\r\n') + 4
      return done < 2 || done === 3
        ? null
        : { body: Buffer.concat(parts), trailers: rest.slice(0, done), at: at + done }
    }
    if (bytes.length < at + length + 2) return null
    if (bytes.subarray(at + length, at + length + 2).latin1Slice() !== '\r\n') return undefined
    parts.push(bytes.subarray(at, at + length))
    at += length + 2
  }
}

/**
 * Compares the bytes that a peer has received with the right answer.
 * @returns 'complete', 'incomplete', or the fault
 */
function check(way, token, length, received) {
  const head = headOf(way, token, length)
  const given = received.subarray(0, head.length).latin1Slice()
  if (!head.startsWith(given)) return `head ${JSON.stringify(given)}`
  if (given.length < head.length) return 'incomplete'
  const body = bodyOf(way, token, length)
  const rest = received.subarray(head.length)
  if (CHUNKED.has(way)) {
    const read = dechunk(rest)
    if (read === null) return 'incomplete'
    if (read === undefined) return 'broken chunks'
    if (read.at !== rest.length) return 'bytes after the answer'
    if (read.trailers !== (way === 'trailers' ? `X-End: ${token}\r\n\r\n` : '\r\n')) return 'trailers'
    return read.body.equals(body) ? 'complete' : 'another body'
  }
  if (rest.length < body.length) return body.subarray(0, rest.length).equals(rest) ? 'incomplete' : 'another body'
  return rest.equals(body) ? 'complete' : rest.length > body.length ? 'bytes after the answer' : 'another body'
}

/** Tokens in `received` that are not `token`. */
function foreign(token, received) {
  return [...received.latin1Slice().matchAll(TOKEN)].map(([found]) => found).filter((found) => found !== token)
}

module.exports = { bodyOf, check, FAULTY, foreign, GOOD, headOf, textOf, tokenOf, utf8Of }
