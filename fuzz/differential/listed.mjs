// The differences that docs/COMPATIBILITY.md lists, each with a function that recognises it.

/**
 * @typedef {object} Case
 * @property {import('./inputs.mjs').Input} input
 * @property {import('./compare.mjs').Difference} difference the most serious one
 * @property {import('./memory-road.mjs').Result} reference
 * @property {import('./memory-road.mjs').Result} own
 * @property {boolean} mayMerge whether pieces that were sent one by one may have been read together
 */

/**
 * @typedef {object} Row
 * @property {string} row the beginning of the row of COMPATIBILITY.md
 * @property {(found: Case) => boolean} matches
 */

/** @type {Row[]} */
export const ROWS = [
  {
    row: 'a request line without a version (HTTP/0.9) is accepted, and so is RTSP',
    matches(found) {
      const { input, difference } = found
      if (input.role !== 'server') return false
      const isOfRtsp = RTSP_LINE.test(input.text) || RTSP_VERSION.test(input.text)
      const refused = refusedRequest(found)
      if (refused !== undefined) return (!input.lenient && refused.start[2] === '0.9') || isOfRtsp
      const isUnversioned = UNVERSIONED_LINE.test(input.text)
      if (difference.what.startsWith('no error becomes ')) return isOfRtsp || (isUnversioned && !input.lenient)
      // Both refuse it, but at another byte or for another reason.
      if (difference.kind === 'answer') return isOfRtsp || (isUnversioned && !input.lenient)
      return ['code', 'detail'].includes(difference.kind) && (isOfRtsp || isUnversioned)
    },
  },
  {
    row: 'after a chunked request or response of HTTP/1.0 the connection is kept',
    matches({ input, difference, own }) {
      const last = own.ended.messages.find((message) => version(message) !== '1.1' && codings(message).length > 0)
      const isIgnored = !BODIES.includes(difference.kind) || /^HPE_\w+ becomes no error$/.test(difference.what)
      return last !== undefined && isIgnored && own.ended.closed
    },
  },
  {
    row: 'in a response with a tab after `chunked` the chunk framing is delivered as part of the body',
    matches({ input, difference }) {
      return input.role === 'client' && TAB_AFTER_CHUNKED.test(input.text)
    },
  },
  {
    row: 'bytes after a message with `Connection: close` are an error, `HPE_CLOSED_CONNECTION`',
    matches({ input, difference, reference, own }) {
      if (difference.what === 'HPE_CLOSED_CONNECTION becomes no error') return true
      const last = own.ended.messages.at(-1)
      if (!last?.complete || !own.ended.closed || !closes(last)) return false
      // Without a listener for 'clientError' only the peer sees the difference.
      if (difference.kind === 'answer')
        return reference.ended.output.startsWith(own.ended.output) || reference.ended.output.endsWith(BAD_REQUEST)
      return input.lenient && (difference.kind === 'refused' || /^HPE_\w+ becomes no error$/.test(difference.what))
    },
  },
  {
    row: 'after an upgrade request without a listener, the rest of the same read is dropped',
    matches({ input, reference, own }) {
      if (input.role !== 'server') return false
      // The server answers it itself, so it is none of the program's messages.
      if (UPGRADE_FIELD.test(input.text) && own.ended.output.includes('\r\nDate: ')) return true
      // The next request is a CONNECT without a listener, which ends the connection before the upgrade is answered.
      if (
        UPGRADE_FIELD.test(input.text) &&
        /CONNECT /.test(input.text) &&
        reference.ended.output.includes('\r\nDate: ')
      )
        return own.ended.output === ''
      const untaken = reference.ended.messages.findIndex(
        (message) => message.event === 'request' && has(message, 'upgrade'),
      )
      const before = reference.ended.messages.slice(0, untaken + 1)
      return untaken >= 0 && before.every((message, i) => isSame(message, own.ended.messages[i]))
    },
  },
  {
    row: 'an upgrade request without a listener, whose last transfer coding is not chunked',
    matches({ input, reference }) {
      const untaken = reference.ended.messages.find((message) => message.event === 'request' && has(message, 'upgrade'))
      if (input.role !== 'server' || untaken === undefined || !has(untaken, 'transfer-encoding')) return false
      return !isChunked(untaken) || TAB_AFTER_CHUNKED.test(input.text) || FOLDED_CODING.test(input.text)
    },
  },
  {
    row: 'the HTTP/2 preface is `HPE_PAUSED_H2_UPGRADE`',
    matches({ input, difference }) {
      return input.role === 'server' && !BODIES.includes(difference.kind) && /(?:^|[^A-Z])PRI /.test(input.text)
    },
  },
  {
    row: "white space before a field's value, and spaces in the request line, do not count towards `maxHeaderSize`",
    matches({ input, own }) {
      const isTooLarge = own.ended.errors[0] === 'HPE_HEADER_OVERFLOW' || own.ended.output.includes('HTTP/1.1 431 ')
      return isTooLarge && /[ \t]{2}|[ \t]\r?\n[ \t]/.test(input.text)
    },
  },
  {
    row: 'with `insecureHTTPParser`, a request whose body lasts until the peer ends the connection gets no response after that',
    matches({ input, difference, reference, own }) {
      if (!input.lenient || input.role !== 'server' || difference.kind !== 'answer' || difference.when !== 'ended')
        return false
      return own.open.output === reference.open.output && answersFollow(reference.ended.output, own.ended.output)
    },
  },
  {
    row: 'with `insecureHTTPParser`, the Content-Length digits of an interim response that closes are prepended',
    matches({ input, reference }) {
      const mayCarry = (message) => message.event === 'information' && has(message, 'content-length') && closes(message)
      return input.lenient && input.role === 'client' && reference.ended.messages.some(mayCarry)
    },
  },
  {
    row: 'a malformed request that follows valid pipelined ones ends the connection before those are answered',
    matches({ input, difference, reference, own, mayMerge }) {
      if (input.role !== 'server' || !['answer', 'fate'].includes(difference.kind) || !own.ended.closed) return false
      if (answersFirst(reference.ended.output, own.ended.output)) return true
      // If pieces have been read together, Node answers fewer of them, too.
      return mayMerge && answersFirst(own.ended.output, reference.ended.output)
    },
  },
  {
    row: 'after a response that ends the connection, the program still receives the other requests of the same read',
    matches({ input, difference, reference, own, mayMerge }) {
      if (input.role !== 'server' || !own.ended.closed || !ENDS_CONNECTION.test(own.ended.output)) return false
      // Pieces have been read together: the difference is the request that follows the answered one.
      if (mayMerge && difference.kind === 'accepted' && difference.what.startsWith('another '))
        return own.ended.output === reference.ended.output
      return (
        difference.kind === 'refused' ||
        difference.kind === 'answer' ||
        /^HPE_\w+ becomes no error$/.test(difference.what)
      )
    },
  },
  {
    row: 'when a CONNECT without a listener ends a connection, or the program ends an upgraded one, earlier requests that are unanswered emit nothing',
    matches({ input, difference }) {
      return (
        input.role === 'server' &&
        difference.what.endsWith(' ends with end becomes ECONNRESET') &&
        /CONNECT /.test(input.text)
      )
    },
  },
  {
    row: "a request whose kept connection has ended, or has received bytes, between the agent's choice and the first byte of the request",
    matches({ input, difference, reference, own }) {
      if (input.role !== 'client') return false
      const last = own.ended.messages.at(-1)
      if (last === undefined || last.event !== 'response' || !last.complete || !own.open.closed) return false
      // Bytes after the response: Node drops them, or parses those that arrived together with it.
      return (
        ['code', 'detail'].includes(difference.kind) ||
        difference.what.startsWith('no error becomes ') ||
        difference.what === 'open becomes closed' ||
        /^HPE_\w+ becomes no error$/.test(difference.what) ||
        reference.open.kept
      )
    },
  },
  {
    row: 'after a 101 without `Upgrade` the connection is kept and used again',
    matches({ input, difference, own }) {
      const last = own.ended.messages.at(-1)
      return input.role === 'client' && difference.kind === 'fate' && last?.start[1] === '101' && own.open.closed
    },
  },
]

/** Methods that only RTSP has. */
const RTSP = [
  'DESCRIBE',
  'ANNOUNCE',
  'SETUP',
  'PLAY',
  'PAUSE',
  'TEARDOWN',
  'GET_PARAMETER',
  'SET_PARAMETER',
  'REDIRECT',
  'RECORD',
  'FLUSH',
]
/** RTSP/1.0 and ICE/1.0, of which the first letter is enough for a refusal. */
const RTSP_VERSION = /(?:^|[\r\n])[^ \r\n]+ +[^ \r\n]+ +[RI]/
const RTSP_LINE = new RegExp(`(?:${RTSP.join('|')})[ \\t]`)

const UNVERSIONED_LINE = /(?:^|[^ ])[A-Z]+ +[^ \r\n]*\r?\n/

/** Node does not accept a tab as white space after `chunked`. */
const TAB_AFTER_CHUNKED = /chunked[ \t]*\t[ \t]*\r?\n/i

const UPGRADE_FIELD = /\n[ \t]*Upgrade[ \t]*:/i

/** The value continues in the next line, in which Node does not look for codings. */
const FOLDED_CODING = /\n[ \t]*Transfer-Encoding[ \t]*:[^\n]*\n[ \t]/i

/** Kinds in which the program has received another message. */
const BODIES = ['accepted', 'framed']

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'

/** The last answer of a connection: the program's, or the server's own. A refusal has no other field. */
const ENDS_CONNECTION =
  /HTTP\/1\.1 (?:(?:200|417) [^\r]*\r\n(?:[^\r]+\r\n)*Connection: close\r\n|400 [^\r]*\r\n(?:[^\r]+\r\n)*Connection: close\r\n[^\r]+\r\n)(?:[^\r]+\r\n)*\r\n(?:ok|0\r\n\r\n)?(?:HTTP\/1\.1 4\d\d [^\r]*\r\n\r\n[A-Z_]+)?$/

/** The refusal of both: without a listener for 'clientError', and by server-program.mjs. */
const REFUSAL = /HTTP\/1\.1 4\d\d [^\r]*\r\n(?:Connection: close\r\n\r\n|\r\n[A-Z_]+)/

/**
 * @param {Case} found
 * @returns {Row | null}
 */
export function listed(found) {
  return ROWS.find(({ matches }) => matches(found)) ?? null
}

/** The request that the reference has delivered, and ferrohttp has not. */
function refusedRequest({ input, difference, own, reference }) {
  const isRefusal = input.role === 'server' && difference.kind === 'refused'
  return isRefusal ? reference.ended.messages[own.ended.messages.length] : undefined
}

function version({ start, event }) {
  return event === 'information' || event === 'response' ? start[0] : start[2]
}

/** Whether a message is the last one of its connection, by its fields or its trailers. */
function closes(message) {
  const fields = { headers: [...message.headers, ...message.trailers] }
  const connection = [...values(fields, 'connection'), ...values(fields, 'proxy-connection')].join()
  return /close/i.test(connection) || (version(message) !== '1.1' && !/keep-alive/i.test(connection))
}

/** Whether both are the same message, however it ended. */
function isSame(message, other) {
  return other !== undefined && JSON.stringify({ ...message, end: '' }) === JSON.stringify({ ...other, end: '' })
}

function has(message, name) {
  return values(message, name).length > 0
}

function codings(message) {
  return values(message, 'transfer-encoding')
}

/** Whether chunked is the last coding. */
function isChunked(message) {
  return /^[ \t]*chunked[ \t]*$/i.test(codings(message).join().split(',').at(-1))
}

/** The values of a field, whatever its case and white space. */
function values({ headers }, name) {
  return headers.filter((value, i) => i % 2 === 1 && headers[i - 1].trim().toLowerCase() === name)
}

/**
 * Whether the second output is the first one with answers inserted before its refusal, or instead of it: the last of these answers may
 * end the connection, so that later bytes are ignored. Or the refusal follows an answer after which Node sends nothing.
 */
function answersFirst(reference, own) {
  const refusal = REFUSAL.exec(reference)
  if (refusal === null) return answersFollow(reference, own)
  if (refusal.index + refusal[0].length !== reference.length || !own.startsWith(reference.slice(0, refusal.index)))
    return false
  const answers = own.slice(refusal.index)
  const inserted = answers.endsWith(refusal[0]) ? answers.slice(0, -refusal[0].length) : answers
  return inserted !== '' && !REFUSAL.test(inserted)
}

/** Whether the second output begins with the first one. */
function answersFollow(reference, own) {
  return own.length > reference.length && own.startsWith(reference) && own.startsWith('HTTP/1.1 ', reference.length)
}
