'use strict'
// The number of descriptors of peers that remain after the server has closed their connection is limited.
const net = require('node:net')
const path = require('node:path')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { becomes } = require('../helpers/probe.cjs')

const SERVER = path.join(__dirname, 'fixtures/lingering-server.cjs')
/** The number of them that one server keeps in any case. */
const MOST = 128
/** A request that is answered and closed with a part of its body unread, and bytes that are no request. */
const KINDS = ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx', 'GARBAGE\r\n\r\n']

/** Sends `request`, and neither ends nor sends anything else after the answer, which it resolves to. */
function stay(t, port, request) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1')
  t.teardown(() => socket.destroy())
  socket.write(request)
  return new Promise((resolve, reject) => {
    socket.on('data', resolve)
    socket.on('error', reject)
  })
}

const onLinux = process.platform === 'linux' ? test : test.skip

for (const [index, request] of KINDS.entries())
  for (const limit of [10, undefined])
    onLinux(`kind ${index}, maxConnections ${limit}`, async (t) => {
      const server = start(SERVER, limit === undefined ? [] : [String(limit)])
      t.teardown(() => server.child.kill('SIGKILL'))
      const { port } = await server.nextMessage()
      const descriptors = () => {
        server.sendLine('count')
        return server.nextMessage()
      }
      const before = await descriptors()
      const most = limit ?? MOST
      // Every one is answered: connections that linger do not keep new ones out.
      for (let count = 0; count < most + 50; count++) t.regex(await stay(t, port, request), /^HTTP\/1\.1 4/)
      await becomes(
        async () => (await descriptors()) - before <= most,
        () => `no more than ${most} descriptors`,
      )
    })
