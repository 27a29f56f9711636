// IncomingMessage over a MessageSource: lazy fields, body flow, ends good and bad.
const http = require('node:http')
const { PassThrough } = require('node:stream')
const { once } = require('node:events')
const test = require('ava')
const { IncomingMessage } = require('../../build/incoming.js')
const { kAbort, kBody, kEnd } = require('../../build/internal/bridge/transport.js')
const { kRelease } = require('../../build/internal/symbols.js')
const { FakeTransport, makeRequest } = require('./_fake-transport.cjs')

// Unlike `events.once`, no 'error' listener.
const closed = (emitter) => new Promise((resolve) => emitter.on('close', resolve))
const nextTick = () => new Promise((resolve) => process.nextTick(resolve))

const FIELDS = [
  'Host',
  'a.test',
  'host',
  'b.test',
  'X-A',
  '1',
  'x-a',
  '2',
  'Cookie',
  'a=1',
  'cookie',
  'b=2',
  'Set-Cookie',
  's=1',
  'set-cookie',
  's=2',
  'ETag',
  'x',
  'etag',
  'y',
  'Date',
  'd1',
  'date',
  'd2',
  'AUTHORIZATION',
  'first',
  'Authorization',
  'second',
  'constructor',
  'c',
  '__proto__',
  'p',
  'Accept',
  'x',
  'ACCEPT',
  'y',
  'X-Empty',
  '',
  'x-empty',
  '',
  'User-Agent',
  'u1',
  'USER-AGENT',
  'u2',
  'Server',
  's',
  'server',
  't',
  'Location',
  'l',
  'location',
  'm',
  'Age',
  '1',
  'age',
  '2',
  'Expires',
  '1',
  'expires',
  '2',
  'Referer',
  '1',
  'referer',
  '2',
  'From',
  '1',
  'from',
  '2',
  'Retry-After',
  '1',
  'retry-after',
  '2',
  'Max-Forwards',
  '1',
  'max-forwards',
  '2',
  'If-Modified-Since',
  '1',
  'if-modified-since',
  '2',
  'If-Unmodified-Since',
  '1',
  'if-unmodified-since',
  '2',
  'Last-Modified',
  '1',
  'last-modified',
  '2',
  'Proxy-Authorization',
  '1',
  'proxy-authorization',
  '2',
  'Content-Type',
  '1',
  'content-type',
  '2',
  'Vary',
  '1',
  'vary',
  '2',
  'Origin',
  '1',
  'origin',
  '2',
  'Expect',
  '1',
  'expect',
  '2',
  'Upgrade',
  '1',
  'upgrade',
  '2',
]

function theirs(join) {
  const message = new http.IncomingMessage(null)
  message.joinDuplicateHeaders = join
  message._addHeaderLines(FIELDS, FIELDS.length)
  return message
}

for (const join of [false, true]) {
  test(`repeated fields are those of node:http, joinDuplicateHeaders ${join}`, (t) => {
    const req = makeRequest(new FakeTransport(), { fields: FIELDS })
    req.joinDuplicateHeaders = join
    const expected = theirs(join)
    t.deepEqual(Object.entries(req.headers), Object.entries(expected.headers))
    t.deepEqual(Object.entries(req.headersDistinct), Object.entries(expected.headersDistinct))
    t.is(Object.getPrototypeOf(req.headers), Object.prototype)
    t.is(Object.getPrototypeOf(req.headersDistinct), null)
    t.deepEqual(req.rawHeaders, FIELDS)
    t.is(req.headers, req.headers)
  })
}

test('the head as properties', (t) => {
  const req = makeRequest(new FakeTransport(), { method: 'POST', minor: 0, fields: [] })
  t.deepEqual(
    [req.method, req.url, req.httpVersion, req.httpVersionMajor, req.httpVersionMinor],
    ['POST', '/path?q=1', '1.0', 1, 0],
  )
  t.deepEqual(req.rawHeaders, [])
  t.deepEqual(req.headers, {})
  t.true(Object.hasOwn(req, 'url'))
})

test('values that a program assigns are kept', (t) => {
  const req = makeRequest(new FakeTransport())
  req.url = '/else'
  req.headers = { a: 'b' }
  req.rawHeaders = ['a', 'b']
  req.socket = 'socket'
  t.deepEqual(
    [req.url, req.headers, req.rawHeaders, req.socket, req.connection, req.client],
    ['/else', { a: 'b' }, ['a', 'b'], 'socket', 'socket', 'socket'],
  )
  req.connection = null
  t.is(req.socket, null)
})

test('the socket is made when it is first read', (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport)
  t.false(transport.socketMade)
  t.is(req.socket, transport.socket)
})

test('a message made from nothing has no socket', (t) => {
  t.is(new IncomingMessage(null).socket, null)
  t.is(new IncomingMessage(undefined).socket, undefined)
})

test('a request without a body ends when it is read', async (t) => {
  const req = makeRequest(new FakeTransport())
  t.true(req.complete)
  t.false(req.readableEnded)
  const parts = []
  for await (const part of req) parts.push(part)
  t.deepEqual(parts, [])
  t.true(req.readableEnded)
  t.false(req.aborted)
})

test('body parts and trailers arrive', async (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport, { method: 'POST', complete: false })
  t.true(req[kBody](Buffer.from('ab')))
  const parts = []
  req.on('data', (part) => parts.push(String(part)))
  await nextTick()
  req[kBody](Buffer.from('cd'))
  t.false(req.complete)
  req[kEnd]('X-T\n1\nx-t\n2')
  t.true(req.complete)
  await once(req, 'end')
  t.deepEqual(parts, ['ab', 'cd'])
  t.deepEqual(req.rawTrailers, ['X-T', '1', 'x-t', '2'])
  t.deepEqual(req.trailers, { 'x-t': '1, 2' })
  t.deepEqual({ ...req.trailersDistinct }, { 'x-t': ['1', '2'] })
})

test('the source is not asked for bytes before a reader is', async (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport, { complete: false })
  req[kBody](Buffer.from('x'))
  await nextTick()
  t.is(transport.resumed, 0)
  t.false(req._consuming)
  req.resume()
  await once(req, 'resume')
  t.true(transport.resumed > 0)
  t.true(req._consuming)
})

test('a full buffer answers false', (t) => {
  const transport = new FakeTransport()
  transport.readableHighWaterMark = 4
  const req = makeRequest(transport, { complete: false })
  t.is(req.readableHighWaterMark, 4)
  t.true(req[kBody](Buffer.from('abc')))
  t.false(req[kBody](Buffer.from('defg')))
})

test('a dumped body flows away', async (t) => {
  const req = makeRequest(new FakeTransport(), { complete: false })
  req.on('data', () => t.fail())
  req[kBody](Buffer.from('x'))
  req._dump()
  t.true(req[kBody](Buffer.from('y')))
  req[kEnd]('')
  await closed(req)
  t.true(req.readableEnded)
})

test('the connection closes within the body', async (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport, { complete: false })
  const log = []
  req.on('aborted', () => log.push(`aborted ${req.aborted}`))
  req.on('error', (error) => log.push(`error ${error.code} ${error.message}`))
  req.on('close', () => log.push('close'))
  const { signal } = req
  req[kAbort]()
  t.deepEqual(log, ['aborted true'])
  t.true(signal.aborted)
  await closed(req)
  t.deepEqual(log, ['aborted true', 'error ECONNRESET aborted', 'close'])
  t.false(transport.destroyed)
})

test('an aborted request without an error listener throws nothing', async (t) => {
  const req = makeRequest(new FakeTransport(), { complete: false })
  req[kAbort]()
  await closed(req)
  t.true(req.destroyed)
})

test('a message that is destroyed before its end destroys the connection', async (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport, { complete: false })
  const reason = new Error('enough')
  req.on('error', () => {})
  req.destroy(reason)
  t.true(req.aborted)
  await closed(req)
  t.true(transport.destroyed)
  t.is(transport.destroyedWith, reason)
})

test('a message that is destroyed after its end leaves the connection open', async (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport)
  req.resume()
  await closed(req)
  t.false(req.aborted)
  t.false(transport.destroyed)
})

test('released unread: closed without events when there is no listener', (t) => {
  const req = makeRequest(new FakeTransport())
  req[kRelease]()
  t.true(req._dumped)
  t.true(req.readableEnded)
  t.true(req.destroyed)
  t.true(req.closed)
  t.false(req._consuming)
})

test('an unread message that is released emits end and close', async (t) => {
  const req = makeRequest(new FakeTransport())
  const log = []
  req.on('end', () => log.push('end'))
  req.on('close', () => log.push('close'))
  req[kRelease]()
  await closed(req)
  t.deepEqual(log, ['end', 'close'])
})

test('an unread message that is released while its body arrives is dumped', async (t) => {
  const req = makeRequest(new FakeTransport(), { complete: false })
  req[kBody](Buffer.from('x'))
  req[kRelease]()
  t.true(req._dumped)
  t.false(req.destroyed)
  req[kEnd]('')
  await closed(req)
  t.false(req.aborted)
})

test('the signal of an answered request is not aborted by the connection', (t) => {
  const socket = new PassThrough()
  const req = new IncomingMessage(socket)
  const { signal } = req
  t.is(socket.listenerCount('close'), 1)
  req[kRelease]()
  t.is(socket.listenerCount('close'), 0)
  t.false(signal.aborted)
})

test('the signal of a message made from a socket follows the socket', async (t) => {
  const socket = new PassThrough()
  const { signal } = new IncomingMessage(socket)
  t.false(signal.aborted)
  socket.destroy()
  await closed(socket)
  t.true(signal.aborted)
})

test('setTimeout sets that of the socket', (t) => {
  const transport = new FakeTransport()
  const req = makeRequest(transport)
  const given = []
  transport.socket.setTimeout = (msecs) => given.push(msecs)
  t.is(
    req.setTimeout(50, () => {}),
    req,
  )
  t.deepEqual(given, [50])
  t.is(req.listenerCount('timeout'), 1)
})

test("_addHeaderLines as node:http's parser calls it", (t) => {
  const req = new IncomingMessage(null)
  req._addHeaderLines(['A', '1', 'b', '2'], 2)
  t.deepEqual(req.headers, { a: '1' })
  req.complete = true
  req._addHeaderLines(['T', '1'], 2)
  t.deepEqual(req.trailers, { t: '1' })
})
