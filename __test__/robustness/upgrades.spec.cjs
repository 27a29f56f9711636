'use strict'
// Sockets of upgrades that hang: neither their peers nor their owners end them.
const { once } = require('node:events')
const test = require('ava')
const { createServer } = require('../../dist/index.js')
const { becomes, connections, leavesNothing, quiet } = require('../helpers/probe.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const MIB = 1024 * 1024
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'

/** Actions of the new owner of the socket. */
const OWNERS = {
  nothing: () => {},
  reads: (socket) => socket.resume(),
  answers: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  'writes without end': (socket) => {
    const part = Buffer.alloc(64 * 1024, 'x')
    const write = () => {
      while (socket.writable && socket.write(part));
    }
    socket.on('drain', write)
    write()
  },
  ends: (socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  destroys: (socket) => socket.destroy(),
  resets: (socket) => socket.resetAndDestroy(),
}

/** Ways in which the peer ends, if it does. */
const PEERS = {
  resets: (client) => client.reset(),
  ends: (client) => client.end(),
  destroys: (client) => client.socket.destroy(),
  'sends, and resets': async (client) => {
    await client.write('more')
    client.reset()
  },
  stays: () => {},
}

async function listen(t) {
  const taken = new Set()
  const server = createServer()
  server.on('upgrade', (req, socket) => {
    taken.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => taken.delete(socket))
    OWNERS[decodeURI(req.headers['x-owner'])](socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, port: server.address().port, taken }
}

async function open(port, owner) {
  const client = await RawClient.connect(port)
  client.pause()
  await client.write(UPGRADE.replace('\r\n\r\n', `\r\nX-Owner: ${encodeURI(owner)}\r\n\r\nrest`))
  return client
}

test.serial('upgraded sockets that hang leave no memory or handle when they are destroyed', async (t) => {
  const { server, port, taken } = await listen(t)
  const load = async () => {
    for (const owner of Object.keys(OWNERS)) {
      const clients = await Promise.all(Object.keys(PEERS).map(() => open(port, owner)))
      await Promise.all(Object.values(PEERS).map((leave, index) => leave(clients[index])))
      // When this one has been upgraded, so have the earlier ones that are upgraded at all.
      const last = await open(port, 'nothing')
      clients.push(last)
      const isLast = (socket) => socket.remotePort === last.localPort
      await becomes(
        () => [...taken].some(isLast),
        () => 'taken over',
      )
      await becomes(
        async () => (await connections(server)) === taken.size,
        () => 'nobody else is left',
      )
      for (const socket of taken) socket.destroy()
      for (const client of clients) client.socket.destroy()
      await quiet(server)
    }
  }
  await leavesNothing(t, { server, load, times: 40, rss: 32 * MIB, heap: 2 * MIB })
  t.is(taken.size, 0)
})

test.serial('closeAllConnections does not close them', async (t) => {
  const { server, port, taken } = await listen(t)
  const client = await open(port, 'answers')
  client.resume()
  await client.readUntil('\r\n\r\n')
  server.close()
  server.closeAllConnections()
  const [socket] = taken
  socket.end('still here')
  t.is(await client.readToEnd(), 'still here')
  await once(server, 'close')
})
