// The grammar of the responses to one request.
import { connectionFields, framedBody, lineEnd, plainField, shuffle } from './fields.mjs'

const STATUS = ['200', '200', '200', '404', '500', '204', '304', '301', '205', '206']
const RARE_STATUS = [
  '099',
  '000',
  '999',
  '600',
  '20',
  '2000',
  '2x0',
  '',
  '-20',
  '+20',
  ' 200',
  '100',
  '101',
  '102',
  '103',
  '199',
  '1',
  '\x31\x300',
]
const REASONS = [
  ' OK',
  ' OK',
  ' Not Found',
  '',
  ' ',
  '  x',
  ' caf\xe9',
  ' a\0',
  '\t',
  ' a\tb',
  ' \x7f',
  ' a\rb',
  'OK',
  ' \x01',
]
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'HTTP/1',
  'http/1.1',
  'ICY',
  'HTTP/1.',
  'RTSP/1.0',
  'ICE/1.0',
  'H',
  '',
  ' HTTP/1.1',
  'HTTP/11.1',
  'HTTP/1.1\t',
]
const INTERIM = ['100 Continue', '102 Processing', '103 Early Hints', '100', '199 X', '101 Switching Protocols', '150 ']

/**
 * @param {import('./random.mjs').Random} random
 * @returns {{ text: string, messages: number }} interim responses, a final one, sometimes another one that no request has asked for
 */
export function responses(random) {
  let text = ''
  let messages = 0
  if (random.chance(12)) {
    for (let n = 1 + random.below(2); n > 0; n--) {
      text += interim(random)
      messages++
    }
  }
  text += response(random)
  messages++
  if (random.chance(8)) {
    text += response(random)
    messages++
  }
  return { text, messages }
}

function interim(random) {
  let text = random.usually('HTTP/1.1', 8, VERSIONS) + ' ' + random.pick(INTERIM) + lineEnd(random)
  if (random.chance(50)) text += plainField(random)
  if (random.chance(6)) text += framedBody(random).lines.join('')
  if (random.chance(6)) text += connectionFields(random).join('')
  return text + lineEnd(random)
}

function response(random) {
  const lines = connectionFields(random)
  let body = random.pick(['', 'hello'])
  if (!random.chance(12)) {
    const framed = framedBody(random)
    lines.push(...framed.lines)
    body = framed.body
  }
  for (let n = random.chance(50) ? 0 : random.below(4); n > 0; n--) lines.push(plainField(random))
  if (random.chance(40)) shuffle(random, lines)
  return leading(random) + statusLine(random) + lines.join('') + lineEnd(random) + body
}

function statusLine(random) {
  const status = random.usually(random.pick(STATUS), 5, RARE_STATUS)
  const space = random.usually(' ', 2, ['  ', '\t', '', '\0', '\r\n'])
  return random.usually('HTTP/1.1', 9, VERSIONS) + space + status + random.usually(' OK', 20, REASONS) + lineEnd(random)
}

function leading(random) {
  return random.usually('', 2, ['\r\n', '\n', '\r', '\r\n\r\n', ' ', '\0', 'x', '\xef\xbb\xbf'])
}
