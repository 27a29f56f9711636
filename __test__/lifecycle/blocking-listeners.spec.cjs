'use strict'
// A response has been sent when its 'finish' is emitted: a listener that blocks the thread does not delay it.
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')

const SERVER = path.join(__dirname, 'fixtures/blocking-server.cjs')
const PEERS = 12

/** Stops the server while the requests are written, so that it reads them all at once. */
const stopped = process.platform === 'win32' ? test.serial.skip : test.serial

for (const way of ['listener', 'callback', 'parts'])
  for (const turn of ['the handler', 'an immediate'])
    stopped(`a listener of 'finish' that blocks: ${way} in ${turn}`, async (t) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-'))
      t.teardown(() => fs.rmSync(folder, { recursive: true }))
      const { child, nextMessage } = start(SERVER, [`${way} in ${turn}`, String(PEERS), folder])
      t.teardown(() => child.kill('SIGKILL'))
      const { port } = await nextMessage()
      const peers = await Promise.all(
        Array.from({ length: PEERS }, async () => {
          const peer = net.connect(port, '127.0.0.1')
          await once(peer, 'connect')
          return peer
        }),
      )
      t.teardown(() => {
        for (const peer of peers) peer.destroy()
      })
      // A server that has had many answers in a phase sends the next ones together.
      for (let round = 0; round < 3; round++) {
        for (const peer of peers) peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        await Promise.all(peers.map((peer) => once(peer, 'data')))
      }
      child.kill('SIGSTOP')
      await Promise.all(
        peers.map((peer, index) => {
          let received = ''
          peer.on('data', (chunk) => {
            received += chunk
            if (/ok$|k\r\n0\r\n\r\n$/.test(received)) fs.writeFileSync(path.join(folder, String(index)), '')
          })
          return new Promise((resolve) => peer.write(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`, resolve))
        }),
      )
      child.kill('SIGCONT')
      t.deepEqual(await nextMessage(), { late: [] })
    })
