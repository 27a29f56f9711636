'use strict'
const test = require('ava')
const net = require('node:net')
const { once } = require('node:events')
const { collected, eventually, growth } = require('./leak.cjs')

const MIB = 1024 * 1024

test.serial('growth finds memory that remains, and not memory that is freed', async (t) => {
  const kept = []
  const leaking = await growth(async () => kept.push(new Uint8Array(MIB)))
  t.true(leaking.external >= 5 * MIB, `external grew by ${leaking.external}`)
  const clean = await growth(async () => new Uint8Array(MIB).fill(1))
  t.true(clean.external < MIB, `external grew by ${clean.external}`)
})

test.serial('growth finds handles that remain', async (t) => {
  const servers = []
  const { handles } = await growth(async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
  })
  t.is(handles.TCPServerWrap ?? handles.TCPSERVERWRAP, 5)
  for (const server of servers) server.close()
})

test('collected distinguishes garbage from referenced objects', async (t) => {
  const held = {}
  t.false(await collected(new WeakRef(held), 2))
  t.true(await collected(unheld()))
  t.truthy(held)
})

function unheld() {
  return new WeakRef({})
}

test('eventually waits for a state', async (t) => {
  let done = false
  setImmediate(() => {
    done = true
  })
  await eventually(() => done)
  t.true(done)
})
