'use strict'
// socket.io: clients connect by polling and move on to WebSocket, with the same events as on node:http.
const test = require('ava')
const { once } = require('node:events')
const { io } = require('socket.io-client')
const { answers, sameOnAllRoads } = require('./_roads.cjs')

/** Waits for an event that must occur within the time of a call. Otherwise the test fails. */
const CALL_TIMEOUT = 20_000

for (const form of ['beside', 'alone']) {
  const same = sameOnAllRoads(test, `socket.io ${form}`, () => ['socket-io', form])

  same('connects by polling and upgrades', async ({ port }) => {
    const socket = connect(port)
    const { engine } = socket.io
    const opened = once(engine, 'open').then(() => engine.transport.name)
    await Promise.all([once(socket, 'connect'), once(engine, 'upgrade')])
    const log = [await opened, engine.transport.name, await call(socket, 'transport')]
    return [...log, ...(await conversation(socket))]
  })

  same('stays with polling', async ({ port }) => {
    const socket = connect(port, { transports: ['polling'] })
    await once(socket, 'connect')
    return [await call(socket, 'transport'), ...(await conversation(socket))]
  })

  same('begins with websocket', async ({ port }) => {
    const socket = connect(port, { transports: ['websocket'] })
    await once(socket, 'connect')
    return [await call(socket, 'transport'), ...(await conversation(socket))]
  })

  same('refused by middleware', async ({ port }) => {
    const socket = connect(port, { auth: { name: 'nobody' } })
    const [error] = await once(socket, 'connect_error')
    socket.close()
    return error.message
  })

  same('rooms and namespaces', async ({ port }) => {
    const sockets = [connect(port), connect(port)]
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    const announced = Promise.all(sockets.map((socket) => once(socket, 'announced')))
    const other = connect(port, {}, '/other')
    const welcome = once(other, 'welcome')
    sockets[0].emit('to-room', 'everybody')
    const seen = [await announced, await welcome]
    for (const socket of [...sockets, other]) socket.close()
    return seen
  })

  same('requests', async ({ port }) =>
    (
      await answers(port, [
        ['GET /'],
        ['GET /socket.io/socket.io.js'],
        ['GET /socket.io/socket.io.js', { 'Accept-Encoding': 'gzip' }],
        ['GET /socket.io/?EIO=4&transport=polling', { Origin: 'http://b.test' }],
        [
          'OPTIONS /socket.io/?EIO=4&transport=polling',
          { Origin: 'http://b.test', 'Access-Control-Request-Method': 'GET' },
        ],
        ['GET /socket.io/?EIO=4&transport=polling&sid=unknown'],
        ['GET /socket.io/?EIO=4&transport=other'],
        ['POST /socket.io/?EIO=4&transport=polling', {}, '40'],
      ])
    ).map(([line, text]) => [line, text.replace(/"sid":"[^"]+"/, '"sid":"-"')]),
  )
}

function connect(port, options = {}, namespace = '') {
  return io(`http://127.0.0.1:${port}${namespace}`, { forceNew: true, reconnection: false, ...options })
}

const call = (socket, ...args) => socket.timeout(CALL_TIMEOUT).emitWithAck(...args)

/** Messages of several kinds, and the end by the server. */
async function conversation(socket) {
  const echoed = []
  for (const value of [
    'text',
    { a: [1, null, 'é'] },
    Buffer.from([0, 255]),
    'x'.repeat(200_000),
    { file: Buffer.alloc(100_000, 7) },
  ]) {
    echoed.push(await call(socket, 'echo', value))
  }
  const [[reason]] = await Promise.all([once(socket, 'disconnect'), socket.emit('leave')])
  return [echoed, reason]
}
