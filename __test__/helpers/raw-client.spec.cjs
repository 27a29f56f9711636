'use strict'
const test = require('ava')
const net = require('node:net')
const { once } = require('node:events')
const { RawClient, rawExchange } = require('./raw-client.cjs')

async function serve(t, onSocket) {
  const server = net.createServer({ allowHalfOpen: true }, onSocket).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return server.address().port
}

test('rawExchange collects until the peer closes', async (t) => {
  const port = await serve(t, (socket) => {
    socket.once('data', (data) => socket.end(`<${data.toString('latin1')}\xff>`, 'latin1'))
  })
  t.is(await rawExchange(port, 'a\xfe'), '<a\xfe\xff>')
})

test('a reset is distinguished from an end', async (t) => {
  const port = await serve(t, (socket) => socket.once('data', () => socket.resetAndDestroy()))
  const client = await RawClient.connect(port)
  await client.write('x')
  t.deepEqual(await client.closed, { code: 'ECONNRESET' })
  t.is(await rawExchange(port, 'x'), '')
})

test('rawExchange rejects when no server listens', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  await t.throwsAsync(rawExchange(port, 'x'), { code: 'ECONNREFUSED' })
})

test('a read returns its part, and leaves the rest to the next one', async (t) => {
  const port = await serve(t, (socket) => socket.end('one\r\ntwothree'))
  const client = await RawClient.connect(port)
  t.is(await client.readUntil('\r\n'), 'one\r\n')
  t.is(await client.readBytes(3), 'two')
  t.is(await client.readToEnd(), 'three')
  t.is(client.rest, '')
  await t.throwsAsync(client.readBytes(1), { message: /connection ended before 1 bytes/ })
  await client.closed
})

test('responses on one connection are separated', async (t) => {
  const port = await serve(t, (socket) =>
    socket.end(
      'HTTP/1.1 100 Continue\r\n\r\n' +
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nhi' +
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n' +
        'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n' +
        'HTTP/1.1 200 OK\r\n\r\nto the end',
    ),
  )
  const client = await RawClient.connect(port)
  t.is((await client.readResponse()).status, 100)
  const sized = await client.readResponse()
  t.is(sized.body, 'hi')
  t.deepEqual(sized.headers, [
    ['Content-Length', '2'],
    ['X-A', 'b'],
  ])
  const chunked = await client.readResponse()
  t.is(chunked.body, 'abcd')
  t.is(chunked.trailers, 'T: 1\r\n')
  t.is((await client.readResponse()).body, '')
  t.is((await client.readResponse()).body, 'to the end')
  await client.closed
})
