'use strict'
// Without free descriptors a server waits for some and continues.
const path = require('node:path')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { becomes, get } = require('../helpers/probe.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const SERVER = path.join(__dirname, 'fixtures/starved-server.cjs')
const LEFT = 4
const PEERS = 40
const HELLO = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

const unlessWindows = process.platform === 'win32' ? test.skip : test

unlessWindows('EMFILE: connections wait in the backlog until descriptors are free', async (t) => {
  const server = start(SERVER, [String(LEFT)], { shell: 'ulimit -n 128' })
  t.teardown(() => server.child.kill('SIGKILL'))
  const { port } = await server.nextMessage()
  const ask = (what) => {
    server.sendLine(what)
    return server.nextMessage()
  }
  t.is(await get(port), 'HTTP/1.1 200 OK | fine')
  t.is(await ask('occupy'), 'EMFILE')

  const peers = await Promise.all(Array.from({ length: PEERS }, () => RawClient.connect(port)))
  for (const peer of peers) peer.write(HELLO)
  await becomes(
    async () => (await ask('count')) === LEFT,
    () => 'as many connections as descriptors',
  )
  const served = peers.filter((peer) => peer.received !== '')
  t.true(served.length <= LEFT)

  // After one connection has closed, a waiting one is accepted.
  await becomes(
    () => peers.filter((peer) => peer.received !== '').length === LEFT,
    () => 'all that were accepted served',
  )
  const first = peers.find((peer) => peer.received !== '')
  first.end()
  await first.closed
  await becomes(
    () => peers.filter((peer) => peer.received !== '').length === LEFT + 1,
    () => 'the next one served',
  )

  t.is(await ask('release'), 'released')
  await Promise.all(peers.filter((peer) => peer !== first).map((peer) => peer.readResponse()))
  t.is(await get(port), 'HTTP/1.1 200 OK | fine')
  for (const peer of peers) peer.end()
  await becomes(
    async () => (await ask('count')) === 0,
    () => 'no connection left',
  )
})

for (const spare of [0, 1, 3])
  unlessWindows(
    `EMFILE at the first use, ${spare} descriptors to spare: the process listens and asks later`,
    async (t) => {
      const program = start(path.join(__dirname, 'fixtures/late-starter.cjs'), [String(spare)], {
        shell: 'ulimit -n 128',
      })
      t.teardown(() => program.child.kill('SIGKILL'))
      t.is(await program.nextMessage(), 'EMFILE')
      t.is(await program.nextMessage(), 'listen EMFILE')
      t.is(await program.nextMessage(), 'listens')
      t.is(await program.nextMessage(), 200)
      t.is((await program.exited).code, 0)
    },
  )
