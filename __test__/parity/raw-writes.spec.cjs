'use strict'
// What a program writes to the socket of a server's connection itself: the peer gets it whole and in its place, however the
// connection ends.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { CONNECT, GET, UPGRADE, exchange } = require('./_peer.cjs')

const HEAD = 'HTTP/1.1 401 Unauthorized\r\n'
const FIELDS = 'Content-Length: 2\r\n\r\n'

/** Code that has the socket, and the request by which the program gets it. */
const OWNERS = {
  request: [(server, act) => server.on('request', (req) => act(req.socket)), GET],
  upgrade: [(server, act) => server.on('upgrade', (_, socket) => act(socket)), UPGRADE],
  connect: [(server, act) => server.on('connect', (_, socket) => act(socket)), CONNECT],
  connection: [(server, act) => server.on('connection', (socket) => act(socket)), ''],
  clientError: [(server, act) => server.on('clientError', (_, socket) => act(socket)), 'NONSENSE\r\n\r\n'],
  checkContinue: [
    (server, act) => server.on('checkContinue', (req) => act(req.socket)),
    'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
  ],
}

const MOMENTS = {
  'at once': (act) => act(),
  'in a tick': (act) => process.nextTick(act),
  'in a promise job': (act) => Promise.resolve().then(act),
  'in an immediate': (act) => setImmediate(act),
  'in a timer': (act) => setTimeout(act, 1),
}

const WRITES = {
  one: (socket) => socket.write(`${HEAD}${FIELDS}no`),
  three: (socket) => {
    socket.write(HEAD)
    socket.write(FIELDS, 'latin1')
    socket.write(Buffer.from('no'))
  },
  'many, of all sizes': (socket) => {
    socket.write(HEAD)
    for (const size of [1, 100, 5000, 20000, 1, 70000]) socket.write(Buffer.alloc(size, 'x'))
    for (let i = 0; i < 50; i++) socket.write(`${i},`)
  },
  'with a callback that writes': (socket) => {
    socket.write(HEAD, () => {})
    socket.write(FIELDS)
  },
  'in a cork': (socket) => {
    socket.cork()
    socket.write(HEAD)
    socket.write(FIELDS)
    socket.uncork()
    socket.write('no')
  },
}

const ENDINGS = {
  destroy: (socket) => socket.destroy(),
  'destroy with an error': (socket) => socket.destroy(new Error('over')),
  end: (socket) => socket.end(),
  'end with data': (socket) => socket.end('!'),
  'end, destroy': (socket) => {
    socket.end('!')
    socket.destroy()
  },
  destroySoon: (socket) => socket.destroySoon(),
  resetAndDestroy: (socket) => socket.resetAndDestroy(),
  'destroy in a tick': (socket) => process.nextTick(() => socket.destroy()),
  'destroy in a promise job': (socket) => Promise.resolve().then(() => socket.destroy()),
}

for (const [owner, [prepare, request]] of Object.entries(OWNERS)) {
  test(
    `${owner}: writes, and the end of the connection in the same tick`,
    parity(
      async (http, log, tools) => {
        for (const [moment, at] of Object.entries(MOMENTS)) {
          for (const [writes, write] of Object.entries(WRITES)) {
            for (const [ending, end] of Object.entries(ENDINGS)) {
              // A reset discards bytes that the peer has not read; a peer that is not connected yet fails to connect.
              const isLong = writes.startsWith('many')
              if (ending === 'resetAndDestroy' && (isLong || owner === 'connection')) continue
              if (moment !== 'at once' && (writes !== 'three' || ending.includes(' in a '))) continue
              const act = (socket) => {
                socket.on('error', () => {})
                at(() => {
                  write(socket)
                  end(socket)
                })
              }
              const { received } = await exchange(
                http,
                tools,
                (server) => prepare(server, act),
                request,
                (client) => {
                  // A server that waits for the peer's end, too.
                  client.socket.on('end', () => client.end())
                },
              )
              log(moment, writes, ending, received.length, received.slice(0, 80), received.slice(-20))
            }
          }
        }
      },
      { adopted: true },
    ),
  )
}
