/**
 * Makes `headers` and `headersDistinct` from the fields of an incoming message. Node doc heading "message.headers".
 */

/** Values of a repeated field are joined by ', '. */
const JOIN = 0
/** `cookie`: joined by '; '. */
const JOIN_COOKIE = 1
/** `set-cookie`: always an array. */
const COLLECT = 2
/** The first one wins, unless `joinDuplicateHeaders`. */
const FIRST = 3

interface KnownField {
  /** As sent. */
  readonly name: string
  readonly lower: string
  readonly rule: typeof JOIN | typeof JOIN_COOKIE | typeof COLLECT | typeof FIRST
}

const FIRST_WINS = [
  'Age',
  'Authorization',
  'Content-Length',
  'Content-Type',
  'ETag',
  'Expires',
  'From',
  'Host',
  'If-Modified-Since',
  'If-Unmodified-Since',
  'Last-Modified',
  'Location',
  'Max-Forwards',
  'Proxy-Authorization',
  'Referer',
  'Retry-After',
  'Server',
  'User-Agent',
]

/** Fields without special rules, listed so that their names need not be lower-cased. */
const FREQUENT = [
  'Accept',
  'Accept-Charset',
  'Accept-Encoding',
  'Accept-Language',
  'Access-Control-Request-Headers',
  'Access-Control-Request-Method',
  'Cache-Control',
  'Connection',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'DNT',
  'Date',
  'Expect',
  'Forwarded',
  'If-Match',
  'If-None-Match',
  'If-Range',
  'Keep-Alive',
  'Link',
  'Origin',
  'Pragma',
  'Priority',
  'Range',
  'Sec-CH-UA',
  'Sec-CH-UA-Mobile',
  'Sec-CH-UA-Platform',
  'Sec-Fetch-Dest',
  'Sec-Fetch-Mode',
  'Sec-Fetch-Site',
  'Sec-Fetch-User',
  'Sec-WebSocket-Extensions',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Upgrade-Insecure-Requests',
  'Vary',
  'Via',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Forwarded-Proto',
  'X-Real-IP',
  'X-Request-ID',
  'X-Requested-With',
]

/**
 * Fields by name, in the two spellings that are common. The table is fixed, because the names come from the peer, which could
 * fill a growing table.
 */
const known = new Map<string, KnownField>()

function addKnownField(name: string, rule: KnownField['rule']): void {
  const lower = name.toLowerCase()
  for (const spelling of [name, lower]) known.set(spelling, { name: spelling, lower, rule })
}

for (const name of FIRST_WINS) addKnownField(name, FIRST)
for (const name of FREQUENT) addKnownField(name, JOIN)
addKnownField('Cookie', JOIN_COOKIE)
addKnownField('Set-Cookie', COLLECT)

/**
 * The number of remembered fields, by their position in a message; a power of two. Peers send their fields in the same order each
 * time, and comparing two short strings is quicker than hashing one.
 */
const recent = Array.from({ length: 32 }, () => known.get('Host')!)

function lookUp(name: string, place: number): KnownField | undefined {
  const slot = place & (recent.length - 1)
  const guess = recent[slot]!
  if (guess.name === name) return guess
  const field = known.get(name)
  if (field !== undefined) recent[slot] = field
  return field
}

/** `headers` or `trailers`: set-cookie is an array, other fields are strings. */
export type HeaderTarget = Record<string, string | string[] | undefined>

/** Adds one field to `target` by Node's rules for repeated fields. */
export function addHeader(target: HeaderTarget, name: string, value: string, joinDuplicates: boolean): void {
  add(target, known.get(name), name, value, joinDuplicates)
}

/** @param field the properties of `name` */
function add(
  target: HeaderTarget,
  field: KnownField | undefined,
  name: string,
  value: string,
  joinDuplicates: boolean,
): void {
  let lower: string
  let rule: KnownField['rule']
  if (field === undefined) {
    lower = name.toLowerCase()
    field = known.get(lower)
    rule = field === undefined ? JOIN : field.rule
  } else {
    lower = field.lower
    rule = field.rule
  }
  const previous = target[lower]
  switch (rule) {
    case FIRST:
      if (previous === undefined) target[lower] = value
      else if (joinDuplicates) target[lower] = `${previous as string}, ${value}`
      return
    case COLLECT:
      if (previous === undefined) target[lower] = [value]
      else (previous as string[]).push(value)
      return
    default:
      // A member that `target` inherits from Object.prototype, such as `constructor`, is not a string.
      target[lower] = typeof previous === 'string' ? previous + (rule === JOIN ? ', ' : '; ') + value : value
  }
}

/**
 * The fields of a block by Node's rules for repeated ones, without the intermediate list of `splitFields`.
 *
 * @param block `name\nvalue\nname\nvalue…`
 * @param from offset of the fields; the block's length for no fields
 */
export function readHeaders(block: string, from: number, joinDuplicates: boolean): HeaderTarget {
  const target: HeaderTarget = {}
  let start = from
  for (let place = 0; start < block.length; place++) {
    const nameEnd = block.indexOf('\n', start)
    const name = block.slice(start, nameEnd)
    const valueEnd = block.indexOf('\n', nameEnd + 1)
    const end = valueEnd === -1 ? block.length : valueEnd
    add(target, lookUp(name, place), name, block.slice(nameEnd + 1, end), joinDuplicates)
    start = end + 1
  }
  return target
}

/** `headersDistinct` or `trailersDistinct`: each field is an array of its values, never joined. */
export type DistinctTarget = Record<string, string[]>

export function addDistinctHeader(target: DistinctTarget, name: string, value: string): void {
  const field = known.get(name)
  const lower = field === undefined ? name.toLowerCase() : field.lower
  const values = target[lower]
  if (values === undefined) target[lower] = [value]
  else values.push(value)
}

/**
 * @param block `name\nvalue\nname\nvalue…`; '' for no fields
 * @param from offset of the fields
 * @returns names and values in turn, as sent
 */
export function splitFields(block: string, from = 0): string[] {
  const fields: string[] = []
  if (from === block.length) return fields
  // A quarter faster than `split`, which is a call out of optimised code.
  for (let start = from; ; ) {
    const end = block.indexOf('\n', start)
    if (end === -1) {
      fields.push(block.slice(start))
      return fields
    }
    fields.push(block.slice(start, end))
    start = end + 1
  }
}
