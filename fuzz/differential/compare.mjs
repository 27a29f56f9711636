// Finds the most serious difference between the reference and ferrohttp.

/**
 * Kinds of differences, the most serious one first.
 *
 * - `accepted`: a message, or its end, that the reference refuses
 * - `framed`: the same message with other fields, another body or other trailers
 * - `refused`: a message, or its end, that the reference accepts
 * - `code`: refused with another code
 * - `partial`: another part of an incomplete message
 * - `answer`: the peer receives other bytes
 * - `fate`: one keeps the connection, and the other closes it
 * - `detail`: `bytesParsed` or `rawPacket` of an error
 */
export const KINDS = ['accepted', 'framed', 'refused', 'code', 'partial', 'answer', 'fate', 'detail']

/**
 * @typedef {object} Difference
 * @property {string} kind one of `KINDS`
 * @property {string} what the field that differs, and in which direction; inputs with the same kind and field count as one finding
 * @property {'open' | 'ended'} when whether it is visible before or after the peer has ended
 */

/**
 * @param {import('./memory-road.mjs').Result} reference
 * @param {import('./memory-road.mjs').Result} own
 * @param {boolean} [inDetail] false if the bytes may have arrived in other pieces
 * @param {boolean} [onSocket] the reference has read a stream in memory, `own` a socket. Between the parts of a body that a socket has
 *   received, ticks run, in which the program answers. So the bytes that it writes to a tunnel have another place among the answers
 * @returns {Difference | null}
 */
export function compare(reference, own, inDetail = true, onSocket = false) {
  const found = []
  for (const when of /** @type {const} */ (['open', 'ended'])) {
    const differences = differ(reference[when], own[when], when, onSocket ? withoutTunnels : same)
    if (inDetail) differInDetail(reference[when], own[when], (kind, what) => differences.push({ kind, what }))
    for (const { kind, what } of differences) found.push({ kind, what, when })
  }
  if (found.length === 0) return null
  return found.reduce((gravest, each) => (KINDS.indexOf(each.kind) < KINDS.indexOf(gravest.kind) ? each : gravest))
}

/** @param {Difference} difference */
export function name({ kind, what }) {
  return `${kind}: ${what}`
}

/** The bytes that the program of server-program.mjs writes to the socket of an 'upgrade' or a 'connect'. */
const TUNNEL = /HTTP\/1\.1 200 (?:upgrade|connect)\r\n\r\n/g

function withoutTunnels(output) {
  const tunnels = output.match(TUNNEL)
  return tunnels === null ? output : output.replace(TUNNEL, '') + tunnels.join('')
}

function same(output) {
  return output
}

function differ(reference, own, when, ordered) {
  const found = []
  const add = (kind, what) => found.push({ kind, what })
  const count = Math.min(reference.messages.length, own.messages.length)
  for (let i = 0; i < count; i++) differInMessage(reference.messages[i], own.messages[i], when, add)
  if (own.messages.length > count) add('accepted', `another ${own.messages[count].event}${instead(reference)}`)
  if (reference.messages.length > count) add('refused', `${reference.messages[count].event}${instead(own)}`)
  differInErrors(reference.errors[0], own.errors[0], add)
  if (ordered(reference.output) !== ordered(own.output))
    add('answer', `${statuses(reference.output)} becomes ${statuses(own.output)}`)
  if (reference.closed !== own.closed) add('fate', reference.closed ? 'closed becomes open' : 'open becomes closed')
  else if (reference.kept !== own.kept) add('fate', reference.kept ? 'kept becomes dropped' : 'dropped becomes kept')
  return found
}

function instead({ errors }) {
  return errors.length > 0 ? ` instead of ${errors[0]}` : ''
}

function differInMessage(reference, own, when, add) {
  if (reference.event !== own.event) add('framed', `${reference.event} becomes ${own.event}`)
  for (const part of ['start', 'headers']) {
    if (!equal(reference[part], own[part])) add('framed', part)
  }
  const areWhole = reference.complete && own.complete
  if (reference.body !== own.body) add(areWhole || reference.event === 'upgrade' ? 'framed' : 'partial', 'body')
  if (!equal(reference.trailers, own.trailers)) add(areWhole ? 'framed' : 'partial', 'trailers')
  if (own.complete && !reference.complete) add('accepted', `the end of a ${own.event}`)
  else if (reference.complete && !own.complete) add('refused', `the end of a ${own.event}`)
  else if (when === 'ended' && reference.end !== own.end)
    add('fate', `a ${own.event} ends with ${reference.end || 'nothing'} becomes ${own.end || 'nothing'}`)
}

function differInErrors(reference, own, add) {
  if (reference === own) return
  if (own === undefined) add('accepted', `${reference} becomes no error`)
  else if (reference === undefined) add('refused', `no error becomes ${own}`)
  else add('code', `${reference} becomes ${own}`)
}

/** Compares the position of the error, and its packet. */
function differInDetail(reference, own, add) {
  if (reference.detail === own.detail) return
  const [one, other] = [reference, own].map(({ detail }) => detail.split(' of '))
  add('detail', one[0] === other[0] ? 'rawPacket' : 'bytesParsed')
}

function equal(one, other) {
  return one.length === other.length && one.every((text, i) => text === other[i])
}

/** The status codes in the output of a server. */
function statuses(output) {
  const codes = output.match(/HTTP\/1\.1 \d{3}(?! Continue)/g) ?? []
  return codes.length === 0 ? 'nothing' : codes.map((text) => text.slice(-3)).join(' ')
}
