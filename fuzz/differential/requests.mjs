// The grammar of the requests of one connection.
import { connectionFields, field, framedBody, lineEnd, plainField, shuffle } from './fields.mjs'

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT']
const RARE_METHODS = [
  'PROPFIND',
  'M-SEARCH',
  'QUERY',
  'SOURCE',
  'PRI',
  'TRACE',
  'PURGE',
  'LINK',
  'get',
  'Get',
  'FOO',
  'GETX',
  'GE',
  'G\xcbT',
  '',
  'PLAY',
  'DESCRIBE',
  'ANNOUNCE',
  'FLUSH',
  'GET\t',
  ' GET',
  '\0GET',
  'SET_PARAMETER',
  '"GET"',
  'M-SEARCHX',
]
const TARGETS = [
  '/a',
  '/a?b=c',
  '*',
  'http://a/b',
  'a:80',
  '//a',
  '/\xe9',
  '',
  '/a#b',
  'http://a',
  'https://a:1/?',
  'a',
  '?',
  '/ b',
  '/\tb',
  '/a\0',
  '/\x7f',
  '/\x01',
  'http://u@a/',
  'http://u@v@a/',
  'a:b',
  'http://',
  'HTTP://A',
  'x://a',
  '/"<>',
  '/{}|\\^`',
  'http://[::1]/',
  '[::1]:80',
  'a:',
  ':80',
  'u@a:80',
  'a:80/b',
  'http:/a',
  '/a ',
  ' /a',
  '/%00',
  '#',
  '/\x80\xff',
  'http://a:x/',
  '1.2.3.4:80',
  'h-ttp://a',
  'ht1p://a/',
]
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'HTTP/1.',
  'HTTP/1',
  'HTTP/11',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/1.10',
  'HTTP1.1',
  'HTTPS/1.1',
  'ICE/1.0',
  'RTSP/1.0',
  'ICY/1.1',
  '',
  'H',
  'HTTP/1,1',
  'HTTP/ 1.1',
  'HTTP/1.1\t',
  'HTTP /1.1',
  'HTTP/\x311.1',
  'HTTP/9.9',
  'HTTP/01.1',
]
const EXPECTATIONS = [
  '100-continue',
  '100-continue',
  '100-Continue',
  'x',
  '100-continue, x',
  '',
  ' 100-continue ',
  '100-continuex',
]
const PROBE = 'GET /probe HTTP/1.1\r\nHost: a\r\n\r\n'

/**
 * @param {import('./random.mjs').Random} random
 * @returns {{ text: string, messages: number }} one to four requests; the last one often is a probe, which shows where the one before it has ended
 */
export function requests(random) {
  let text = ''
  let messages = 0
  for (let n = 1 + (random.chance(30) ? 1 : 0) + (random.chance(10) ? 1 : 0); n > 0; n--) {
    text += request(random)
    messages++
  }
  if (random.chance(55)) {
    text += PROBE
    messages++
  }
  return { text, messages }
}

/** @param {import('./random.mjs').Random} random */
function request(random) {
  const method = random.usually(random.pick(METHODS), 4, RARE_METHODS)
  const lines = [field(random, 'Host', random.usually('a', 4, ['', 'a, b', 'a:80', 'a b', '\xe9', 'a@b', 'a/b']))]
  if (random.chance(3)) lines.pop()
  if (random.chance(1.5)) lines.push(field(random, 'Host', random.pick(['a', 'b'])))
  let body = ''
  const isEmpty = method === 'GET' || method === 'HEAD' ? random.chance(75) : random.chance(15)
  if (!isEmpty) {
    const framed = framedBody(random)
    lines.push(...framed.lines)
    body = framed.body
  }
  lines.push(...connectionFields(random))
  for (let n = random.chance(50) ? 0 : random.below(4); n > 0; n--) lines.push(plainField(random))
  if (random.chance(2.5)) lines.push(field(random, 'Expect', random.pick(EXPECTATIONS)))
  if (random.chance(40)) shuffle(random, lines)
  return leading(random) + requestLine(random, method) + lines.join('') + lineEnd(random) + body
}

function requestLine(random, method) {
  const usual = method === 'CONNECT' ? 'a:80' : '/'
  const target = random.usually(usual, 18, TARGETS)
  const space = random.usually(' ', 1.5, ['  ', '\t', '', ' \t', '\0', '\x0b', '\r', '\r\n'])
  const version = random.usually('HTTP/1.1', 6, VERSIONS)
  return method + space + target + random.usually(' ', 1.5, ['  ', '\t', '', '\r', ' \t']) + version + lineEnd(random)
}

/** Bytes before a request line. */
function leading(random) {
  return random.usually('', 3, [
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    ' ',
    '\0',
    '\n\r\n',
    '\r\r\n',
    '\xef\xbb\xbf',
    '\t',
    '\r\n ',
  ])
}
