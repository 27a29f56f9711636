// The calls of a message to its transport, and its events when the transport reports back.
const test = require('ava')
const { OutgoingMessage } = require('../../build/outgoing.js')
const { kSettle } = require('../../build/internal/bridge/transport.js')
const { FakeTransport, attach, makeExchange } = require('./_fake-transport.cjs')

const nextTick = () => new Promise((resolve) => process.nextTick(resolve))

function head(...lines) {
  return `HTTP/1.1 ${lines.join('\r\n')}\r\n\r\n`
}
const CHUNKED_HEAD = head('200 OK', 'Connection: keep-alive', 'Transfer-Encoding: chunked')

function listen(emitter, log, ...events) {
  for (const event of events)
    emitter.on(event, (detail) => log.push(detail instanceof Error ? `${event} ${detail.code}` : event))
}

test('a whole response is one call without an acknowledgement', (t) => {
  const { transport, res } = makeExchange()
  res.end('hello')
  t.deepEqual(transport.calls, [
    ['head', head('200 OK', 'Connection: keep-alive', 'Content-Length: 5'), 'hello', 'END'],
  ])
  t.is(transport.socketMade, false)
  t.true(res.finished)
  t.false(res.writableFinished)
})

test('an empty answer is one call without a body', (t) => {
  const { transport, res } = makeExchange()
  res.end()
  t.deepEqual(transport.calls, [['head', head('200 OK', 'Connection: keep-alive', 'Content-Length: 0'), null, 'END']])
})

test('a chunked answer in one piece is one call', (t) => {
  const { transport, res } = makeExchange()
  res.setHeader('Transfer-Encoding', 'chunked')
  res.end('hello')
  t.deepEqual(transport.calls, [
    ['head', head('200 OK', 'Transfer-Encoding: chunked', 'Connection: keep-alive'), 'hello', 'CHUNKED END'],
  ])
})

test('the acknowledgement is requested when there is a listener for it', (t) => {
  for (const prepare of [(res) => res.on('finish', () => {}), (res) => res.on('close', () => {})]) {
    const { transport, res } = makeExchange()
    prepare(res)
    res.end('x')
    t.is(transport.calls[0][3], 'END ACKNOWLEDGE')
  }
  const { transport, res } = makeExchange()
  res.end('x', () => {})
  t.is(transport.calls[0][3], 'END ACKNOWLEDGE')
  const other = makeExchange()
  other.res.on('pipe', () => {})
  other.res.end('x')
  t.is(other.transport.calls[0][3], 'END')
})

test('parts in order; the last one is acknowledged because others went before', async (t) => {
  const { transport, res } = makeExchange()
  // In turns of their own: since Node 24.22 the parts of one turn are sent as one.
  res.write('a')
  await nextTick()
  res.write(Buffer.from('b'))
  await nextTick()
  res.end('c')
  t.deepEqual(transport.calls, [
    ['head', CHUNKED_HEAD, 'a', 'CHUNKED'],
    ['body', 'b', 'CHUNKED'],
    ['body', 'c', 'CHUNKED END ACKNOWLEDGE'],
  ])
})

test('an end of its own carries the trailers', async (t) => {
  const { transport, res } = makeExchange()
  res.write('a')
  await nextTick()
  res.addTrailers({ X: 'y' })
  res.end('b')
  t.deepEqual(transport.calls.slice(1), [
    ['body', 'b', 'CHUNKED'],
    ['end', 'X: y\r\n', 'CHUNKED END ACKNOWLEDGE'],
  ])
})

test('trailers after a head that is sent with the end', (t) => {
  const { transport, res } = makeExchange()
  res.writeHead(200, { Trailer: 'X' })
  res.addTrailers({ X: 'y' })
  res.end('b')
  t.deepEqual(
    transport.calls.map(([name, , , flags]) => [name, flags]),
    [
      ['head', 'CHUNKED'],
      ['end', undefined],
    ],
  )
  t.deepEqual(transport.calls[1], ['end', 'X: y\r\n', 'CHUNKED END'])
})

test('the connection is closed with the last answer', (t) => {
  const { transport, res } = makeExchange()
  res.setHeader('Connection', 'close')
  res.end('x')
  t.is(transport.calls[0][3], 'END CLOSE')
})

test('HTTP/1.0 without a length ends with the connection', (t) => {
  const { transport, res } = makeExchange({ minor: 0 })
  res.write('x')
  res.end()
  t.deepEqual(transport.calls, [
    ['head', head('200 OK', 'Connection: close'), 'x', ''],
    ['end', '', 'END CLOSE ACKNOWLEDGE'],
  ])
})

test('no body crosses where none is allowed', async (t) => {
  const { transport, res } = makeExchange({ method: 'HEAD' })
  const called = new Promise((resolve) => {
    res.write('x', resolve)
  })
  await called
  t.deepEqual(transport.calls, [])
  res.end('y')
  t.deepEqual(transport.calls, [['head', CHUNKED_HEAD.replace('Transfer-Encoding: chunked\r\n', ''), null, 'END']])
})

test('flushHeaders sends the head once', (t) => {
  const { transport, res } = makeExchange()
  res.flushHeaders()
  res.flushHeaders()
  res.end()
  t.deepEqual(transport.calls, [
    ['head', CHUNKED_HEAD, null, 'CHUNKED'],
    ['end', '', 'CHUNKED END ACKNOWLEDGE'],
  ])
})

test('interim responses go ahead of the head', (t) => {
  const { transport, res } = makeExchange()
  res.writeContinue()
  res.writeInformation(110, [['A', 'b']])
  res._writeRaw('HTTP/1.1 102 Processing\r\n\r\n')
  res.end('x')
  t.deepEqual(transport.calls.slice(0, 3), [
    ['interim', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['interim', 'HTTP/1.1 110 unknown\r\nA: b\r\n\r\n'],
    ['interim', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])
})

test('chunks written while corked are sent as one, before the end', async (t) => {
  const { transport, res } = makeExchange()
  const callbacks = []
  res.write('0')
  await nextTick()
  res.cork()
  res.write('é', () => callbacks.push('é'))
  res.write(Buffer.from('b'), () => callbacks.push('b'))
  t.is(transport.calls.length, 1)
  // The size line and two line ends are counted, too.
  t.is(res.writableLength, 8)
  res.uncork()
  await nextTick()
  t.deepEqual(transport.calls[1], ['body', Buffer.from('éb').toString('latin1'), 'CHUNKED'])
  res.cork()
  res.write('c')
  res.uncork()
  await nextTick()
  res.end('d')
  t.is(res.writableCorked, 0)
  t.deepEqual(transport.calls.slice(2), [
    ['body', 'c', 'CHUNKED'],
    ['body', 'd', 'CHUNKED END ACKNOWLEDGE'],
  ])
  transport.settle()
  t.deepEqual(callbacks, ['é', 'b'])
})

test('callbacks are called in the order of their writes, also those of empty ones', (t) => {
  const { transport, res } = makeExchange()
  const callbacks = []
  for (const chunk of ['a', '', 'b']) res.write(chunk, () => callbacks.push(chunk))
  res.end(() => callbacks.push('end'))
  t.deepEqual(callbacks, [])
  transport.settle()
  t.deepEqual(callbacks, ['a', '', 'b', 'end'])
})

test('back-pressure: write returns false, and drain follows when the transport reports it', async (t) => {
  const { transport, res } = makeExchange()
  const log = []
  listen(res, log, 'drain')
  t.true(res.write('a'))
  await nextTick()
  transport.writableLength = transport.writableHighWaterMark
  t.false(res.write('b'))
  await nextTick()
  t.true(res.writableNeedDrain)
  t.is(res.writableLength, transport.writableHighWaterMark)
  transport.drained(res)
  t.deepEqual(log, ['drain'])
  t.false(res.writableNeedDrain)
  transport.drained(res)
  t.deepEqual(log, ['drain'])
})

test('after sending: callbacks of end, finish without a socket, then close', async (t) => {
  const { transport, req, res } = makeExchange()
  const log = []
  listen(res, log, 'prefinish', 'finish', 'close')
  res.on('finish', () => log.push(`socket ${res.socket}, request dumped ${req._dumped}`))
  res.end('x', (error) => log.push(`end ${error}`))
  t.deepEqual(log, ['prefinish'])
  transport.settle()
  t.deepEqual(log, ['prefinish', 'end null', 'finish', 'socket null, request dumped true'])
  t.true(res.writableFinished)
  t.false(res.closed)
  await nextTick()
  t.is(log.at(-1), 'close')
  t.true(res.closed)
  t.true(res.destroyed)
  res.end((error) => log.push(`again ${error.code}`))
  t.is(log.at(-1), 'again ERR_STREAM_ALREADY_FINISHED')
})

test('without listeners the final state is reached at once', (t) => {
  const { transport, res } = makeExchange()
  res.end('x')
  transport.settle()
  t.true(res.writableFinished)
  t.true(res.closed)
  t.true(res.destroyed)
  t.is(res.socket, null)
})

test('listeners added after end are called', async (t) => {
  const { transport, res } = makeExchange()
  const log = []
  res.end('x')
  listen(res, log, 'finish', 'close')
  transport.settle()
  await nextTick()
  t.deepEqual(log, ['finish', 'close'])
})

test('a replaced emit is called with every event', async (t) => {
  const { transport, res } = makeExchange()
  const log = []
  const { emit } = res
  res.emit = function (event, ...args) {
    log.push(event)
    return emit.call(this, event, ...args)
  }
  res.end('x')
  transport.settle()
  await nextTick()
  t.deepEqual(log, ['prefinish', 'finish', 'close'])
})

test('the connection closes first: no finish, the callback gets the error, close follows', (t) => {
  const { transport, res } = makeExchange()
  const log = []
  const gone = Object.assign(new Error('gone'), { code: 'ECONNRESET' })
  listen(res, log, 'finish', 'close', 'error')
  res.end('x', (error) => log.push(`end ${error.code}`))
  transport.settle(gone)
  t.deepEqual(log, ['end ECONNRESET', 'close'])
  t.true(res.destroyed)
  t.false(res.writableFinished)
  transport.ended.push(res)
  transport.settle(gone)
  t.deepEqual(log, ['end ECONNRESET', 'close'])
})

test('the connection closed in the middle: close, and later writes are refused', async (t) => {
  const { res } = makeExchange()
  const log = []
  listen(res, log, 'finish', 'close', 'error')
  res.write('x')
  res[kSettle](Object.assign(new Error('gone'), { code: 'ECONNRESET' }))
  t.deepEqual(log, ['close'])
  t.false(res.write('y', (error) => log.push(`write ${error.code}`)))
  res.end((error) => log.push(`end ${error.code}`))
  await nextTick()
  // As in Node the callback of an end that cannot be sent is not called.
  t.deepEqual(log, ['close', 'write ERR_STREAM_DESTROYED'])
})

test('destroy destroys the connection', (t) => {
  const { transport, res } = makeExchange()
  const reason = new Error('enough')
  t.is(res.destroy(reason), res)
  t.true(transport.destroyed)
  t.is(transport.destroyedWith, reason)
  t.is(res.errored, reason)
  t.true(res.destroyed)
})

test('write after end reports at the next tick, to the callback and as an event', async (t) => {
  const { res } = makeExchange()
  const log = []
  listen(res, log, 'error')
  res.end('x')
  t.false(res.write('y', (error) => log.push(`callback ${error.code}`)))
  t.is(res.end('z'), res)
  t.deepEqual(log, [])
  await nextTick()
  t.deepEqual(log, [
    'callback ERR_STREAM_WRITE_AFTER_END',
    'error ERR_STREAM_WRITE_AFTER_END',
    'error ERR_STREAM_WRITE_AFTER_END',
  ])
})

test('a response that waits for its turn queues all parts, which are sent in order', (t) => {
  const { res } = makeExchange({ attached: false })
  const transport = new FakeTransport()
  const log = []
  const pending = []
  res._onPendingData = (delta) => pending.push(delta)
  listen(res, log, 'prefinish', 'drain', 'socket')
  res.writeContinue()
  t.true(res.write('abc'))
  const queued = res.outputSize
  t.is(queued, 'HTTP/1.1 100 Continue\r\n\r\n'.length + CHUNKED_HEAD.length + '3\r\nabc\r\n'.length)
  t.is(res.writableLength, queued)
  t.deepEqual(
    res.outputData.map(({ data, encoding }) => [String(data), encoding ?? null]),
    [
      ['HTTP/1.1 100 Continue\r\n\r\n', 'ascii'],
      [`${CHUNKED_HEAD}3`, 'latin1'],
      ['\r\n', null],
      ['abc', null],
      ['\r\n', null],
    ],
  )
  res.end('d')
  t.deepEqual(log, [])
  t.is(res.socket, null)

  attach(res, transport)
  t.deepEqual(transport.calls, [
    ['interim', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['head', `${CHUNKED_HEAD}3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n`, null, 'END'],
  ])
  t.deepEqual(log, ['socket', 'prefinish'])
  t.is(res.outputData.length, 0)
  t.is(res.outputSize, 0)
  t.is(
    pending.reduce((sum, delta) => sum + delta, 0),
    0,
  )
})

test('a queued whole answer is one call', (t) => {
  const { res } = makeExchange({ attached: false })
  const transport = new FakeTransport()
  res.end('hello')
  attach(res, transport)
  t.deepEqual(transport.calls, [
    ['head', head('200 OK', 'Connection: keep-alive', 'Content-Length: 5'), 'hello', 'END'],
  ])
})

test('queued trailers end the message', (t) => {
  const { res } = makeExchange({ attached: false })
  const transport = new FakeTransport()
  res.write('a')
  res.addTrailers({ X: 'y' })
  res.end()
  attach(res, transport)
  t.deepEqual(transport.calls, [['head', `${CHUNKED_HEAD}1\r\na\r\n0\r\nX: y\r\n\r\n`, null, 'END']])
})

test('queued writes return false from the high-water mark on, and drain is emitted after the turn of the response', (t) => {
  const { res } = makeExchange({ attached: false, responseOptions: { highWaterMark: 100 } })
  const transport = new FakeTransport()
  const log = []
  listen(res, log, 'drain')
  t.false(res.write('x'.repeat(200)))
  t.is(res.writableHighWaterMark, 100)
  attach(res, transport)
  t.deepEqual(log, ['drain'])
  t.is(transport.calls.length, 1)
})

test('a response that is destroyed while it waits closes, and its connection closes when its turn comes', async (t) => {
  const { res } = makeExchange({ attached: false })
  const transport = new FakeTransport()
  const log = []
  listen(res, log, 'close')
  res.destroy()
  await nextTick()
  t.deepEqual(log, ['close'])
  attach(res, transport)
  t.true(transport.destroyed)
})

test('writeHead and end patched by middleware are called', (t) => {
  const { transport, res } = makeExchange()
  const { writeHead, end } = res
  const log = []
  res.writeHead = function (...args) {
    log.push('writeHead')
    this.setHeader('X-Late', '1')
    return writeHead.apply(this, args)
  }
  res.end = function (...args) {
    log.push('end')
    return end.apply(this, args)
  }
  res.end('x')
  t.deepEqual(log, ['end', 'writeHead'])
  t.true(transport.calls[0][1].includes('X-Late: 1\r\n'))
})

test('fields joined by the uniqueHeaders option', (t) => {
  const { kUniqueHeaders } = require('../../build/internal/symbols.js')
  const { transport, res } = makeExchange()
  res[kUniqueHeaders] = new Set(['x-list'])
  res.setHeader('X-List', ['a', 'b'])
  res.setHeader('X-Other', ['a', 'b'])
  res.end()
  t.true(transport.calls[0][1].includes('X-List: a; b\r\nX-Other: a\r\nX-Other: b\r\n'))
})

test('every response has the same hidden shape until its head is written', (t) => {
  const keys = (res) => Reflect.ownKeys(res).map(String).join()
  const plain = makeExchange().res
  const busy = makeExchange().res
  busy.setHeader('a', 'b')
  busy.cork()
  busy.on('finish', () => {})
  t.is(keys(busy), keys(plain))
})

test('without a transport destroy emits close alone', async (t) => {
  const message = new OutgoingMessage()
  const log = []
  listen(message, log, 'close', 'error')
  message.destroy(new Error('x'))
  t.deepEqual(log, [])
  await nextTick()
  t.deepEqual(log, ['close'])
})
