'use strict'
// Writes in the callback of an earlier write are sent, although nothing else happens in the program's event loop from then on.
const path = require('node:path')
const { setTimeout } = require('node:timers/promises')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const SERVER = path.join(__dirname, 'fixtures/broadcasting-server.cjs')
/** More writes than are sent at once, and so few that the clock is not read. */
const PEERS = 12

for (const way of ['drain', 'callback', 'promise job']) {
  test(`a message to all peers, by ${way}`, async (t) => {
    const server = start(SERVER, [way, String(PEERS)])
    t.teardown(() => server.child.kill('SIGKILL'))
    const { port } = await server.nextMessage()
    const clients = await Promise.all(Array.from({ length: PEERS }, () => RawClient.connect(port)))
    for (const client of clients) await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const all = Promise.all(clients.map((client) => client.readUntil('last'))).then(() => 'arrived')
    // Much longer than the test takes, and shorter than the server's own timers, which would wake it.
    t.is(await Promise.race([all, setTimeout(4000, 'waits', { ref: false })]), 'arrived')
    for (const client of clients) client.socket.destroy()
  })
}
