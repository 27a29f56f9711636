'use strict'
// A connection that is not read does not keep the process alive. Written bytes are sent before the process ends.
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')

const FIXTURE = path.join(__dirname, 'fixtures/unread.cjs')
const LONG = 20_000_000
/** The body of the fixture's response. */
const ANSWER = 8_000_000

/** Both are to end in the same way. */
const MODULES = ['node:http', path.resolve(__dirname, '../..')]

for (const act of ['ignored', 'ignored, net', 'ignored, alone', 'paused', 'paused, net', 'paused, alone']) {
  test(`a program ends whose response is ${act}`, async (t) => {
    const server = http.createServer((_request, response) => response.end(Buffer.alloc(LONG)))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    for (const module of MODULES) {
      const program = start(FIXTURE, [module, `client, ${act}`, server.address().port])
      await program.nextMessage()
      t.deepEqual(await program.exited, { code: 0, signal: null, stderr: '' }, module)
    }
  })
}

for (const act of ['tunnel', 'tunnel, net']) {
  test(`bytes that a program writes to a tunnel which it does not read are sent before it ends: ${act}`, async (t) => {
    for (const module of MODULES) {
      const server = net.createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => {
          socket.pause()
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          socket.write(Buffer.alloc(LONG))
        })
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      t.teardown(() => server.close())
      const connected = once(server, 'connection')
      const program = start(FIXTURE, [module, `client, ${act}`, server.address().port])
      const [socket] = await connected
      t.is(await program.nextMessage(), 'full', module)
      socket.resume()
      t.is(await program.nextMessage(), 'written', module)
      t.deepEqual(await program.exited, { code: 0, signal: null, stderr: '' }, module)
      socket.destroy()
    }
  })
}

/** @returns the bytes that the peer has received, and how the program ended */
async function upload(module, act, head = '') {
  const program = start(FIXTURE, [module, `server, ${act}`])
  const peer = net.connect(await program.nextMessage(), '127.0.0.1')
  let received = ''
  peer
    .on('error', () => {})
    .on('data', (data) => {
      received += data.latin1Slice()
      if (received.length >= ANSWER + received.indexOf('\r\n\r\n') + 4) peer.destroy()
    })
  peer.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LONG}\r\n${head}\r\n`)
  peer.write(Buffer.alloc(LONG))
  const exit = await program.exited
  peer.destroy()
  return { exit, received }
}

for (const road of ['native', 'stream']) {
  for (const act of ['ignored', 'paused', 'socket paused']) {
    test(`a server ends that is closed while an upload is ${act}, ${road}`, async (t) => {
      for (const module of MODULES) {
        const { exit } = await upload(module, `${act}, ${road}`)
        t.deepEqual(exit, { code: 0, signal: null, stderr: '' }, module)
      }
    })
  }

  test(`a server ends that is closed while a tunnel is not read, ${road}`, async (t) => {
    for (const module of MODULES) {
      const { exit } = await upload(module, `upgraded, ${road}`, 'Connection: Upgrade\r\nUpgrade: x\r\n')
      t.deepEqual(exit, { code: 0, signal: null, stderr: '' }, module)
    }
  })

  for (const act of ['answered', 'answered later']) {
    test(`the response to an upload that is not read is with the kernel before the server ends, ${act}, ${road}`, async (t) => {
      for (const module of MODULES) {
        const { exit, received } = await upload(module, `${act}, ${road}`)
        t.deepEqual(exit, { code: 0, signal: null, stderr: '' }, module)
        // How much of it the kernel still sends is its own matter: the end of a process that has unread bytes is a reset.
        t.true(received.startsWith('HTTP/1.1 200 OK\r\n'), module)
      }
    })
  }

  test(`a body is read on after a pause, ${road}`, async (t) => {
    for (const module of MODULES) {
      const { received } = await upload(module, `resumed later, ${road}`, 'Connection: close\r\n')
      t.true(received.endsWith(`\r\n\r\n${LONG}`), module)
    }
  })
}
