'use strict'
// A native socket that becomes a plain one in the middle of everything: no byte is lost, none is out of order.
const { once } = require('node:events')
const net = require('node:net')
const test = require('ava')
const http = require('../../build/index.js')
const { isNative, makePlain } = require('../../build/internal/handles/plain-socket.js')

const posix = process.platform === 'win32' ? test.skip : test
const UPGRADE = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const SIZE = 3_000_000

/** Bytes that show their position. */
const DATA = Buffer.alloc(SIZE)
for (let i = 0; i + 4 <= SIZE; i += 4) DATA.writeUInt32LE(i, i)

/** Sends DATA in pieces of many sizes, as fast as the stream accepts them, and ends. */
async function sendAll(socket) {
  let size = 1
  for (let at = 0; at < SIZE; at += size) {
    size = (size * 7 + 13) % 40_000
    if (!socket.write(DATA.subarray(at, at + size))) await once(socket, 'drain')
  }
  socket.end()
}

/** Compares the bytes that the socket receives up to its end. */
async function receiveAll(t, socket) {
  let at = 0
  let right = true
  for await (const data of socket) {
    right &&= data.equals(DATA.subarray(at, at + data.length))
    at += data.length
  }
  t.is(at, SIZE)
  t.true(right)
}

/** Two ends of a connection, the first one native: a server's after an upgrade, or a client's after CONNECT. */
const makers = {
  async server() {
    const server = http.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const far = net.connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true })
    far.write(UPGRADE)
    const [, near] = await once(server, 'upgrade')
    return { server, near, far }
  },
  async client() {
    const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const request = http.request({ host: '127.0.0.1', port: server.address().port, method: 'CONNECT', path: 'a:1' })
    request.end()
    const [far] = await once(server, 'connection')
    await once(far, 'data')
    far.write('HTTP/1.1 200 OK\r\n\r\n')
    const [, near] = await once(request, 'connect')
    // Lest the first end closes both directions.
    near.allowHalfOpen = true
    return { server, near, far }
  },
}

for (const [kind, make] of Object.entries(makers)) {
  for (const [when, at] of Object.entries({ 'at once': 0, early: 50_000, later: 1_000_000 })) {
    posix(`a ${kind}'s socket, both directions under way, ${when}`, async (t) => {
      const { server, near, far } = await make()
      t.true(isNative(near))
      let seen = 0
      near.on('data', (data) => {
        seen += data.length
        if (isNative(near) && seen > at) makePlain(near)
      })
      if (at === 0) makePlain(near)
      const received = receiveAll(t, near)
      await Promise.all([received, receiveAll(t, far), sendAll(near), sendAll(far)])
      t.false(isNative(near))
      t.is(near.constructor, net.Socket)
      server.close()
      near.destroy()
      far.destroy()
      await once(server, 'close')
    })
  }
}

posix('a socket that nobody reads keeps what had come, and its timeout', async (t) => {
  const { server, near, far } = await makers.server()
  far.write('before')
  await once(near, 'readable')
  near.setTimeout(20)
  makePlain(near)
  far.write(' after')
  let text = ''
  near.on('data', (data) => {
    text += data
    if (text === 'before after') near.emit('whole')
  })
  const timedOut = once(near, 'timeout')
  near.resume()
  await once(near, 'whole')
  await timedOut
  near.destroy()
  await once(far.resume(), 'end')
  far.destroy()
  server.close()
  await once(server, 'close')
  t.pass()
})
