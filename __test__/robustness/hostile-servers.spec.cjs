'use strict'
// For any behaviour of a server, no response reaches another request than its own, and every request ends once.
const test = require('ava')
const { once } = require('node:events')
const net = require('node:net')
const { request, Agent } = require('ferrohttp')
const { eachRequest, targetOf } = require('../helpers/raw-peers.cjs')

/** The answer to a request: its own path. */
function answer(path, extra = '') {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n${extra}\r\n${path}`
}

const SMUGGLED = answer('/smuggled')

/** A response whose trailers announce what its head did not, and a second one without a request. */
function endingWith(trailer) {
  return (socket, path) => {
    const body = `${path.length.toString(16)}\r\n${path}\r\n0\r\n${trailer}\r\n\r\n`
    socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`, () => {
      if (socket.writable) socket.write(SMUGGLED)
    })
  }
}

/**
 * The behaviour of a server with a request: `(socket, path, number)`, the number on this connection from 1.
 * `codes`: the possible errors.
 */
const SERVERS = {
  'answers twice': { serve: (socket, path) => socket.write(answer(path) + SMUGGLED), codes: ['ECONNRESET'] },
  'says more than it announced': {
    serve: (socket, path) => socket.write(`${answer(path)}and more`),
    codes: ['ECONNRESET', 'HPE_INVALID_CONSTANT'],
  },
  'closes after each response without announcing it': {
    serve: (socket, path) => socket.end(answer(path)),
    codes: ['ECONNRESET', 'EPIPE'],
  },
  'resets after each response': {
    serve: (socket, path) => socket.write(answer(path), () => socket.resetAndDestroy()),
    codes: ['ECONNRESET', 'EPIPE'],
  },
  'resets instead of the second answer': {
    serve: (socket, path, number) => (number === 1 ? socket.write(answer(path)) : socket.resetAndDestroy()),
    codes: ['ECONNRESET'],
  },
  'ends instead of the second answer': {
    serve: (socket, path, number) => (number === 1 ? socket.write(answer(path)) : socket.end()),
    codes: ['ECONNRESET'],
  },
  'cuts every other body': {
    serve: (socket, path, number) =>
      number % 2 === 1 ? socket.write(answer(path)) : socket.end(answer(path).slice(0, -1)),
    codes: ['ECONNRESET'],
  },
  'cuts every other head': {
    serve: (socket, path, number) => (number % 2 === 1 ? socket.write(answer(path)) : socket.end('HTTP/1.1 20')),
    codes: ['ECONNRESET'],
  },
  'hides a response in a body with two lengths': {
    serve: (socket, path) =>
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\nContent-Length: 200\r\n\r\n${path}${SMUGGLED}`,
      ),
    codes: ['HPE_UNEXPECTED_CONTENT_LENGTH'],
  },
  'hides a response after chunks with a length': {
    serve: (socket, path) =>
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}${path}`,
      ),
    codes: ['HPE_INVALID_TRANSFER_ENCODING'],
  },
  'hides a response in the body of a 204': {
    serve: (socket) => socket.write(`HTTP/1.1 204 No Content\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`),
    codes: ['ECONNRESET'],
    bodies: [''],
  },
  'sends interim responses without number': {
    serve: (socket, path) => socket.write(`HTTP/1.1 102 Processing\r\n\r\n`.repeat(100) + answer(path)),
    codes: [],
  },
  'announces the close in trailers': { serve: endingWith('Connection: close'), codes: [] },
  'names a coding in trailers': { serve: endingWith('Transfer-Encoding: gzip'), codes: [] },
  'sends nonsense': { serve: (socket) => socket.write('nonsense\r\n\r\n'), codes: ['HPE_INVALID_CONSTANT'] },
}

const ROADS = {
  native: {},
  compatible: { createConnection: (options) => net.createConnection(options) },
}

for (const [name, { serve, codes, bodies = [] }] of Object.entries(SERVERS)) {
  for (const [road, members] of Object.entries(ROADS)) {
    test(`a server that ${name}, ${road}`, async (t) => {
      const sockets = new Set()
      const server = net.createServer((socket) => {
        sockets.add(socket)
        let number = 0
        eachRequest(socket, (head) => {
          if (!socket.destroyed && socket.writable) serve(socket, targetOf(head), ++number)
        })
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 2 }), members)
      t.teardown(() => {
        agent.destroy()
        server.close()
        for (const socket of sockets) socket.destroy()
      })
      const ask = (path) =>
        new Promise((resolve) => {
          const events = []
          const asked = request({ host: '127.0.0.1', port: server.address().port, agent, path }, (response) => {
            events.push('response')
            response.setEncoding('latin1')
            let body = ''
            response.on('data', (data) => (body += data))
            response.on('error', (error) => events.push(error.code))
            response.on('end', () => events.push(`end ${body}`))
          })
          asked.on('error', (error) => events.push(error.code))
          asked.on('close', () => setImmediate(resolve, { path, events }))
          asked.end()
        })
      const outcomes = []
      for (let round = 0; round < 5; round++) {
        outcomes.push(...(await Promise.all([0, 1, 2, 3].map((i) => ask(`/${round}-${i}`)))))
      }
      for (const { path, events } of outcomes) {
        t.true(events.filter((event) => event === 'response').length <= 1, path)
        t.true(events.length > 0, path)
        for (const event of events) {
          if (event.startsWith('end ')) t.true([path, ...bodies].includes(event.slice(4)), `${path} ${events}`)
          else if (event !== 'response') t.true(codes.includes(event), `${path} ${events}`)
        }
      }
    })
  }
}

for (const [road, members] of Object.entries(ROADS)) {
  test(`an unsolicited response ends an idle connection, ${road}`, async (t) => {
    let socket
    const server = net.createServer((accepted) => {
      socket = accepted
      socket.on('error', () => {}).once('data', () => socket.write(answer('/a')))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const agent = Object.assign(new Agent({ keepAlive: true }), members)
    t.teardown(() => {
      agent.destroy()
      server.close()
      socket.destroy()
    })
    const asked = request({ host: '127.0.0.1', port: server.address().port, agent, path: '/a' }, (response) =>
      response.resume(),
    )
    asked.end()
    await once(agent, 'free')
    const [kept] = Object.values(agent.freeSockets)[0]
    socket.write(SMUGGLED)
    await once(kept, 'close')
    t.deepEqual(Object.keys(agent.freeSockets), [])
    t.is(agent.totalSocketCount, 0)
  })
}
