'use strict'
// Members of the module itself: tables, checks, limits.
const { readFileSync } = require('node:fs')
const path = require('node:path')
const test = require('ava')
const node = require('node:http')
const ours = require('ferrohttp')
const { parity } = require('../helpers/parity.cjs')

test('METHODS and STATUS_CODES', (t) => {
  t.deepEqual(
    ours.METHODS.filter((method) => !node.METHODS.includes(method)),
    [],
  )
  t.true(node.METHODS.every((method) => ours.METHODS.includes(method)))
  t.deepEqual({ ...ours.STATUS_CODES }, { ...node.STATUS_CODES })
})

test('maxHeaderSize is read only', (t) => {
  t.is(ours.maxHeaderSize, node.maxHeaderSize)
  t.throws(() => {
    ours.maxHeaderSize = 1
  })
})

const outcome = (check) => {
  try {
    return check()
  } catch (error) {
    return [error.name, error.code, error.message]
  }
}

test('validateHeaderName and validateHeaderValue', (t) => {
  for (const name of ['', 'a b', 'ok', 'a:b', '\u00e9', 1, undefined, 'X-Ok!#$%&*+-.^_`|~']) {
    const [expected, actual] = [node, ours].map((http) => outcome(() => http.validateHeaderName(name)))
    t.deepEqual(actual, expected, String(name))
  }
  t.deepEqual(
    outcome(() => ours.validateHeaderName('a b', 'Label')),
    outcome(() => node.validateHeaderName('a b', 'Label')),
  )
  for (const value of ['', 'ok', 'a\tb', 'a\nb', 'a\0b', '\u00e9', '\u4e2d', undefined, 1]) {
    const [expected, actual] = [node, ours].map((http) => outcome(() => http.validateHeaderValue('x', value)))
    t.deepEqual(actual, expected, String(value))
  }
})

test('setMaxIdleHTTPParsers', (t) => {
  for (const max of [0, -1, 1.5, 'a', 1000]) {
    t.deepEqual(
      outcome(() => ours.setMaxIdleHTTPParsers(max)),
      outcome(() => node.setMaxIdleHTTPParsers(max)),
      String(max),
    )
  }
})

test(
  'setSocketKeepAlive and setNoDelay of a request',
  parity(async (http, log, { listen }) => {
    const server = http.createServer((req, res) => res.end('ok'))
    const port = await listen(server)
    await new Promise((resolve) => {
      const request = http.get({ port, host: '127.0.0.1', agent: false }, (response) => {
        response.resume().on('end', resolve)
      })
      log('before there is a socket', request.setSocketKeepAlive(true, 1000), request.setNoDelay(true))
      request.once('socket', () => log('with one', request.setSocketKeepAlive(false), request.setNoDelay(false)))
    })
  }),
)

test('each exported value has a doc comment', (t) => {
  const lines = readFileSync(path.join(__dirname, '../../dist/index.d.ts'), 'utf8').split('\n')
  const bare = lines.filter((line, at) => line.startsWith('export declare ') && !lines[at - 1].trim().endsWith('*/'))
  t.deepEqual(bare, [])
  t.true(lines.some((line) => line.startsWith('export declare ')))
})
