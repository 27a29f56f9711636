/**
 * How the fields of an incoming message become `headers` and `headersDistinct`; Node doc heading "message.headers".
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

/** Not special: listed so that no string is lower-cased for them. */
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
 * By name as sent, in the two spellings that occur. Fixed: names come from the peer, and a table that grew with them
 * would be the peer's to fill.
 */
const known = new Map<string, KnownField>()

function learn(name: string, rule: KnownField['rule']): void {
  const field: KnownField = { lower: name.toLowerCase(), rule }
  known.set(name, field)
  known.set(field.lower, field)
}

for (const name of FIRST_WINS) learn(name, FIRST)
for (const name of FREQUENT) learn(name, JOIN)
learn('Cookie', JOIN_COOKIE)
learn('Set-Cookie', COLLECT)

/** `headers`, `trailers`: set-cookie is an array, everything else a string. */
export type HeaderTarget = Record<string, string | string[] | undefined>

/** Adds one field to `target` by Node's rules for repeated fields. */
export function addHeader(target: HeaderTarget, name: string, value: string, joinDuplicates: boolean): void {
  let field = known.get(name)
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
      // What `target` inherits from Object.prototype, `constructor` say, is no string.
      target[lower] = typeof previous === 'string' ? previous + (rule === JOIN ? ', ' : '; ') + value : value
  }
}

/** `headersDistinct`, `trailersDistinct`: each field an array of its values, never joined. */
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
 * @param from where the fields begin in it
 * @returns names and values in turn, as sent
 */
export function splitFields(block: string, from = 0): string[] {
  const fields: string[] = []
  if (from === block.length) return fields
  // A quarter faster than `split`, which leaves optimised code.
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
