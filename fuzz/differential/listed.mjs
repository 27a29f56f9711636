// Differences that docs/COMPATIBILITY.md lists, each with a test for whether one is of that kind.

/**
 * @typedef {object} Case
 * @property {import('./inputs.mjs').Input} input
 * @property {import('./compare.mjs').Difference} difference the gravest one
 * @property {import('./memory-road.mjs').Result} reference
 * @property {import('./memory-road.mjs').Result} own
 */

/**
 * @typedef {object} Row
 * @property {string} row how the row of COMPATIBILITY.md begins
 * @property {(found: Case) => boolean} matches
 */

/** @type {Row[]} */
export const ROWS = [
  {
    row: 'HTTP/0.9, HTTP/2.0, a request line without a version, RTSP and other protocols are read',
    matches(found) {
      const refused = refusedMessage(found)
      if (refused === undefined) return false
      return !['1.0', '1.1'].includes(version(refused)) || /\b(RTSP|ICE)\/\d/.test(found.input.text)
    },
  },
  {
    row: 'two spaces in the request line are read as one',
    matches(found) {
      const refused = refusedRequest(found)
      if (refused === undefined || found.input.lenient) return false
      const [method, target] = refused.start
      return found.input.text.includes(`${method}  `) || found.input.text.includes(`${target}  `)
    },
  },
  {
    row: 'CONNECT with a URL, a user, or no usable port is handed on',
    matches(found) {
      const refused = refusedRequest(found)
      return refused?.start[0] === 'CONNECT' && !/^(\[[0-9a-f:.]+\]|[\w.-]+):[1-9]\d*$/i.test(refused.start[1])
    },
  },
  {
    row: '`*` as the target of other methods than OPTIONS, two `@` in an authority',
    matches(found) {
      const refused = refusedRequest(found)
      return refused !== undefined && (refused.start[1] === '*' || /@.*@/.test(refused.start[1]))
    },
  },
  {
    row: 'a tab between, or quotes around, transfer codings',
    matches(found) {
      const refused = found.reference.ended.messages.at(-1) ?? null
      return isRefusal(found) && codings(refused).some((value) => /[\t"]/.test(value))
    },
  },
  {
    row: 'chunk extensions without a name, or empty ones among others',
    matches(found) {
      return (
        isRefusal(found) &&
        found.difference.what.startsWith('the end of') &&
        /[0-9a-f][ \t]*;(?![\w])/i.test(found.input.text)
      )
    },
  },
  {
    row: 'bytes behind a message with `Connection: close` are an error, `HPE_CLOSED_CONNECTION`',
    matches({ reference, own, difference }) {
      if (difference.what === 'HPE_CLOSED_CONNECTION becomes no error') return true
      // A program without a listener for 'clientError' is told by the peer alone.
      const last = own.ended.messages.at(-1)
      const isAnswered =
        difference.kind === 'answer' && difference.what.startsWith('400 becomes') && !own.ended.output.includes(' 400 ')
      return (
        isAnswered &&
        last?.complete &&
        reference.ended.output.endsWith(BAD_REQUEST) &&
        own.ended.output.includes('Connection: close')
      )
    },
  },
  {
    row: 'the HTTP/2 preface is `HPE_PAUSED_H2_UPGRADE`',
    matches({ input, difference }) {
      return (
        difference.kind === 'code' &&
        /(^|\n)PRI /.test(input.text) &&
        /^(HPE_PAUSED_H2_UPGRADE|HPE_INVALID_VERSION) becomes/.test(difference.what)
      )
    },
  },
  {
    row: 'lenient, a last transfer coding other than chunked is read until the connection closes',
    matches(found) {
      const last = found.reference.ended.messages.at(-1)
      if (!found.input.lenient || found.input.role === 'client' || last === undefined || !isRefusal(found)) return false
      return codings(last).length > 0 && !/chunked[ \t]*$/i.test(codings(last).at(-1))
    },
  },
  {
    row: 'a bad request behind good ones that were pipelined ends the connection before those are answered',
    matches({ input, difference, reference, own }) {
      if (input.role !== 'server' || !['answer', 'fate'].includes(difference.kind) || !own.ended.closed) return false
      return answersFirst(reference.ended.output, own.ended.output)
    },
  },
  {
    row: 'bytes that arrive on an idle connection of an agent are dropped',
    matches({ input, difference, reference, own }) {
      if (input.role !== 'client') return false
      const last = own.ended.messages.at(-1)
      if (last === undefined || last.event !== 'response' || !last.complete || !own.open.closed) return false
      // Bytes behind the response: Node drops them, or reads on into them as long as they came with it.
      return (
        difference.what === 'open becomes closed' ||
        /^HPE_\w+ becomes no error$/.test(difference.what) ||
        reference.open.kept
      )
    },
  },
  {
    row: 'behind a 101 without `Upgrade` the connection is kept and used again',
    matches({ input, difference, own }) {
      const last = own.ended.messages.at(-1)
      return input.role === 'client' && difference.kind === 'fate' && last?.start[1] === '101' && own.open.closed
    },
  },
]

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'

/**
 * @param {Case} found
 * @returns {Row | null}
 */
export function listed(found) {
  return ROWS.find(({ matches }) => matches(found)) ?? null
}

function isRefusal({ difference }) {
  return difference.kind === 'refused'
}

/** The message of the reference that ferrohttp has not. */
function refusedMessage(found) {
  const { own, reference } = found
  return isRefusal(found) ? reference.ended.messages[own.ended.messages.length] : undefined
}

function refusedRequest(found) {
  return found.input.role === 'server' ? refusedMessage(found) : undefined
}

function version({ start, event }) {
  return event === 'information' || event === 'response' ? start[0] : start[2]
}

/** The values of Transfer-Encoding. */
function codings(message) {
  const values = []
  for (let i = 0; message !== null && i < message.headers.length; i += 2) {
    if (/^transfer-encoding$/i.test(message.headers[i])) values.push(message.headers[i + 1])
  }
  return values
}

/** How both refuse: without a listener for 'clientError', and as server-program.mjs does it. */
const REFUSAL = /HTTP\/1\.1 4\d\d [^\r]*\r\n(?:Connection: close\r\n\r\n|\r\n[A-Z_]+)/

/**
 * Whether the second output is the first one with answers put in before its refusal, or instead of it: the last of these answers may end the connection,
 * which makes what comes behind it ignored.
 */
function answersFirst(reference, own) {
  const refusal = REFUSAL.exec(reference)
  if (
    refusal === null ||
    refusal.index + refusal[0].length !== reference.length ||
    !own.startsWith(reference.slice(0, refusal.index))
  )
    return false
  const answers = own.slice(refusal.index)
  const inserted = answers.endsWith(refusal[0]) ? answers.slice(0, -refusal[0].length) : answers
  return inserted !== '' && !REFUSAL.test(inserted)
}
