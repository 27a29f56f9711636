// The parts that requests and responses share: line ends, field lines, lengths, codings, chunks and trailers.
// Texts are strings of latin1, one character a byte.

const LINE_ENDS = ['\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', ' \r\n', '\r\n ', '\n\n', '']
const NAMES = [
  'X-A',
  'x',
  'Accept',
  'Cookie',
  'Set-Cookie',
  "A!#$%&'*+-.^_`|~9",
  'Content-Type',
  'Keep-Alive',
  'Trailer',
  'TE',
]
const ODD_NAMES = ['', ' X', 'X ', 'X\t', 'X Y', 'X\0', 'X"', 'X\x80', '(X)', 'X\r', 'X@', '\tX', 'X/', 'X=']
const VALUES = ['a', '1', 'a, b', 'a;b="c"', 'x'.repeat(40), 'a b  c', 'http://a/?b#c']
const ODD_VALUES = [
  '',
  ' ',
  '\t',
  ' a ',
  '\ta\t',
  'a\0b',
  'a\x01',
  '\x7f',
  'caf\xe9',
  '\xff',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\r\n\tb',
  '\r\n a',
  'a\r\n \r\n b',
  'a:b',
  ':',
  '"',
  'a\x0b',
]
const LENGTHS = [
  '+5',
  '-5',
  '05',
  '0005',
  '5, 5',
  '5,5',
  '5 5',
  '5,6',
  '0x5',
  '5.0',
  '',
  ' 5 ',
  '\t5',
  '5\t',
  'x',
  '5x',
  '5;',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999',
  '9007199254740993',
  '4294967301',
  '"5"',
  '5\0',
  '0',
  '00',
  '1',
  '4',
  '6',
  '10',
]
const CODINGS = [
  'gzip',
  'identity',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  'gzip,chunked',
  ' chunked',
  'chunked ',
  '\tchunked',
  'chunked\t',
  'CHUNKED',
  'Chunked',
  'xchunked',
  'chunkedx',
  'chunked;a=b',
  '"chunked"',
  'chun ked',
  'chunked,',
  ',chunked',
  ', chunked',
  'chunked, identity',
  'identity, chunked',
  '',
  'chunked\0',
  '\x0bchunked',
  'gzip\tchunked',
  'gzip chunked',
  'deflate,\tchunked',
  'chunked, ',
  'gzip;q=1, chunked',
  'trailers, chunked',
  'chunkedchunked',
  'chunke',
  '\r\n chunked',
  'gzip,\r\n chunked',
]
const CONNECTIONS = [
  'close',
  'keep-alive',
  'Keep-Alive',
  'CLOSE',
  'upgrade',
  'Upgrade',
  'keep-alive, close',
  'close, keep-alive',
  'keep-alive, upgrade',
  'Upgrade, keep-alive',
  'close, upgrade',
  'TE',
  'x-a',
  ',',
  ' close',
  'close ',
  'close\t',
  'closed',
  'close;',
  'xclose',
  'close,',
  ',close',
  '',
  'keep-alive\r\n ,close',
  'upgradex',
  'te, close',
  'clo se',
]
const UPGRADES = ['websocket', 'h2c', 'a, b', '', 'x/1']
const SIZES = [
  '05',
  '005',
  '5 ',
  '5\t',
  ' 5',
  '5;',
  '5;a',
  '5;a=b',
  '5;a="b"',
  '5;a="b;c"',
  '5 ;a',
  '5; a',
  '5;a ;b',
  '5;;',
  '5;=',
  '5;a=',
  '5;a="',
  '5;\x01',
  '5;a\xff',
  '+5',
  '-5',
  '0x5',
  '5x',
  '',
  'g',
  '5\0',
  '00000000000000005',
  '10000000000000005',
  'fffffffffffffff',
  'ffffffffffffffff',
  '5,',
  '5"',
  '5;a="\\""',
  '5;a\r',
  '5\r',
  '4',
  '6',
  '1',
  'A',
  'a',
  '5;a=b=c',
  '5;a b',
  '5;a\tb',
  '5;"a"',
  '5;a="b"c',
  '5 5',
  '5;a=b;c=d',
]

/** @typedef {import('./random.mjs').Random} Random */

/**
 * @param {Random} random
 * @returns {string} CR LF, sometimes something else
 */
export function lineEnd(random) {
  return random.usually('\r\n', 1, LINE_ENDS)
}

/**
 * @param {Random} random
 * @param {string} name
 * @param {string} value
 * @returns {string} a field line with its end
 */
export function field(random, name, value) {
  const colon = random.usually(': ', 2.5, [':', ':  ', ':\t', ' : ', '\t:', ' :', '', ': \t ', '::'])
  return (
    random.usually(name, 1.5, [name.toLowerCase(), name.toUpperCase(), name + ' ', ' ' + name]) +
    colon +
    value +
    lineEnd(random)
  )
}

/**
 * @param {Random} random
 * @returns {string} a field line that has nothing to do with framing
 */
export function plainField(random) {
  const name = random.usually(random.pick(NAMES), 6, ODD_NAMES)
  return field(random, name, random.usually(random.pick(VALUES), 20, ODD_VALUES))
}

/**
 * Field lines that decide about the connection.
 *
 * @param {Random} random
 * @returns {string[]}
 */
export function connectionFields(random) {
  const lines = []
  if (random.chance(20)) lines.push(field(random, 'Connection', random.pick(CONNECTIONS)))
  if (random.chance(2)) lines.push(field(random, 'Connection', random.pick(CONNECTIONS)))
  if (random.chance(1)) lines.push(field(random, 'Proxy-Connection', random.pick(CONNECTIONS)))
  if (random.chance(4)) {
    lines.push(field(random, 'Upgrade', random.pick(UPGRADES)))
    if (random.chance(75)) lines.push(field(random, 'Connection', random.usually('Upgrade', 15, CONNECTIONS)))
  }
  return lines
}

/**
 * A body and field lines for its framing, which are right most of the time.
 *
 * @param {Random} random
 * @returns {{ lines: string[], body: string }}
 */
export function framedBody(random) {
  const content = random.pick([
    '',
    'hello',
    'hello',
    'GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n',
    '0\r\n\r\n',
    'a\r\nb',
    '\r\n',
  ])
  const lines = []
  let body = content
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      lines.push(field(random, 'Content-Length', random.usually(String(content.length), 12, LENGTHS)))
      if (random.chance(4))
        lines.push(field(random, 'Content-Length', random.pick([String(content.length), ...LENGTHS])))
      break
    case 3:
    case 4:
    case 5:
    case 6:
      lines.push(field(random, 'Transfer-Encoding', random.usually('chunked', 14, CODINGS)))
      if (random.chance(3)) lines.push(field(random, 'Transfer-Encoding', random.pick(['chunked', ...CODINGS])))
      if (random.chance(5))
        lines.push(field(random, 'Content-Length', random.pick([String(content.length), ...LENGTHS])))
      body = chunked(random, content)
      break
    default:
      if (random.chance(50)) body = ''
      if (random.chance(30)) lines.push(field(random, 'Transfer-Encoding', random.pick(CODINGS)))
      if (random.chance(20)) lines.push(field(random, 'Content-Length', random.pick(LENGTHS)))
  }
  return { lines: shuffle(random, lines), body }
}

/**
 * @param {Random} random
 * @param {string} content
 * @returns {string} the content in one to three chunks, the last chunk, trailers
 */
function chunked(random, content) {
  let text = ''
  let rest = content
  while (rest.length > 0) {
    const length = random.chance(60) ? rest.length : 1 + random.below(rest.length)
    const data = rest.slice(0, length)
    rest = rest.slice(length)
    const size = random.usually(length.toString(16), 6, [length.toString(16).toUpperCase(), ...SIZES])
    text += size + lineEnd(random) + data + lineEnd(random)
  }
  text += random.usually('0', 6, [
    '00',
    '0;a',
    '0;a=b',
    '0 ',
    '',
    '0x0',
    '-0',
    '0;',
    '0\r',
    '0;a="b"',
    '0000000000000000000',
    '1',
  ])
  text += lineEnd(random)
  if (random.chance(15)) {
    for (let n = 1 + random.below(2); n > 0; n--) text += plainField(random)
    if (random.chance(10))
      text += field(
        random,
        random.pick(['Content-Length', 'Transfer-Encoding', 'Host', 'Connection']),
        random.pick(['5', 'chunked', 'a', 'close']),
      )
  }
  return text + lineEnd(random)
}

/**
 * @template T
 * @param {Random} random
 * @param {T[]} list changed in place
 * @returns {T[]}
 */
export function shuffle(random, list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
  return list
}
