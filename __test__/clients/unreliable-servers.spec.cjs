'use strict'
// Servers that answer late, twice, early, in part, with more than was requested, or not at all: each request gets its own
// answer or the error that Node gives, and the next one is not affected.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('../parity/_on24.cjs')
const { client, ok, rawServer } = require('./_hostile.cjs')

const OK = 'HTTP/1.1 200 OK\r\n'
/** A response without a request. */
const SMUGGLED = ok('/smuggled')

/**
 * A parity test: the script gets `ask`, `server` and `log`; see `_hostile.cjs`.
 * @param {{ lucky?: boolean }} options `lucky`: the number of connections depends on the timing
 */
function hostile(title, script, { lucky = false } = {}) {
  for (const road of ['native', 'compatible']) {
    on24(
      `${road}: ${title}`,
      parity(
        async (http, log, tools) => {
          const { control, port } = await rawServer(tools)
          const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
          if (road === 'compatible') agent.createConnection = (options) => net.createConnection(options)
          tools.after(() => agent.destroy())
          const ask = client(http, port, agent)
          await script({ agent, ask, http, log, server: control })
          if (!lucky) log('connections', control.connections)
        },
        { nativeOnly: true },
      ),
    )
  }
}

/** The first request is answered as it should be. @returns the server's end of its connection */
async function firstIsFine({ ask, log, server }) {
  const asked = ask('/first')
  const { socket } = await server.next()
  socket.write(ok('/first'))
  log('first', await asked.over)
  return socket
}

/** The next request is asked and answered as it should be. */
async function nextIsFine({ ask, log, server }, url = '/next') {
  const asked = ask(url)
  const { socket, url: received } = await server.next()
  socket.write(ok(received))
  const outcome = await asked.over
  if (outcome.body !== url) throw new Error(`${url} was answered ${outcome.body ?? outcome.error}`)
  log('next', outcome)
}

/** The connection that is kept for the next request closes because of an action of the server. */
async function closesKept(tools, act) {
  const { agent, log } = tools
  const socket = await firstIsFine(tools)
  const [kept] = Object.values(agent.freeSockets).flat()
  const closed = new Promise((resolve) => kept.once('close', resolve))
  act(socket)
  await closed
  log('kept', Object.values(agent.freeSockets).flat().length, agent.totalSocketCount)
  await nextIsFine(tools)
}

/** One request that is answered with these writes, then another one. */
function answered(title, writes, { end, options, body, sorted } = {}) {
  hostile(title, async (tools) => {
    const { ask, log, server } = tools
    const asked = ask('/first', options, body)
    // The next request must not be sent before the end has arrived.
    const closed = new Promise((resolve) => asked.request.on('socket', (own) => own.once('close', resolve)))
    const { socket } = await server.next()
    for (const write of writes) await new Promise((resolve) => socket.write(write, 'latin1', resolve))
    if (end === 'FIN') socket.end()
    if (end === 'RST') socket.resetAndDestroy()
    const outcome = await asked.over
    if (end !== undefined) await closed
    if ((outcome.body ?? '').includes('/smuggled') && outcome.status === 200)
      throw new Error('a smuggled answer was taken')
    if (sorted) outcome.events.sort()
    log('first', outcome)
    await nextIsFine(tools)
  })
}

answered('twice, at once', [ok('/first') + SMUGGLED])
answered('twice, and the end', [ok('/first') + SMUGGLED], { end: 'FIN' })
answered('bytes behind the answer', [`${ok('/first')}garbage`])
answered('an empty line behind the answer', [`${ok('/first')}\r\n`])
answered('a length that is too short', [`${OK}Content-Length: 3\r\n\r\n/first`])
answered('a smuggled answer behind a short length', [`${OK}Content-Length: 3\r\n\r\n/fi${SMUGGLED}`])
answered('a smuggled answer behind the last chunk', [
  `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${SMUGGLED}`,
])
answered('a smuggled answer within a chunk', [
  `${OK}Transfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
])
answered('a smuggled answer behind trailers', [
  `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: a\r\n\r\n${SMUGGLED}`,
])
answered('a smuggled answer behind 204', [`HTTP/1.1 204 No Content\r\n\r\n${SMUGGLED}`])
answered('204 with a length', [`HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n/first`])
answered('304 with a length', [`HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n/first`])
answered('a body for HEAD', [`${OK}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`], {
  options: { method: 'HEAD' },
})
answered('two lengths', [`${OK}Content-Length: 6\r\nContent-Length: 7\r\n\r\n/first`])
answered('the same length twice', [`${OK}Content-Length: 6\r\nContent-Length: 6\r\n\r\n/first`])
answered('a list of lengths', [`${OK}Content-Length: 6, 6\r\n\r\n/first`])
answered('a negative length', [`${OK}Content-Length: -1\r\n\r\n/first`])
answered('a length with a sign', [`${OK}Content-Length: +6\r\n\r\n/first`])
answered('a length beyond all numbers', [`${OK}Content-Length: 99999999999999999999999\r\n\r\n/first`])
answered('a length beside chunks', [`${OK}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`])
answered('chunks beside a length', [`${OK}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n`])
answered('chunked twice', [`${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`], { end: 'FIN' })
answered('chunked, then something else', [`${OK}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`], { end: 'FIN' })
answered('a chunk size that is none', [`${OK}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`])
answered('a chunk size beyond all numbers', [`${OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc`])
answered('a chunk that is longer than its size', [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n`])
answered('a chunk size without CR', [`${OK}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`])
answered('a head without CR', [`HTTP/1.1 200 OK\nContent-Length: 6\n\n/first`])
answered('a field that is folded', [`${OK}X-Folded: a\r\n b\r\nContent-Length: 6\r\n\r\n/first`])
answered('a blank before the colon', [`${OK}X-Length : 6\r\n\r\n/first`])
answered('a field without a name', [`${OK}: 6\r\nContent-Length: 6\r\n\r\n/first`])
answered('NUL in a field', [`${OK}X-A: a\0b\r\nContent-Length: 6\r\n\r\n/first`])
answered('a lone CR in a field', [`${OK}X-A: a\rContent-Length: 0\r\nContent-Length: 6\r\n\r\n/first`])
answered('another protocol', ['SSH-2.0-server\r\n'])
answered('HTTP/0.9', ['<html>/first</html>'], { end: 'FIN' })
answered('HTTP/2.0', ['HTTP/2.0 200 OK\r\nContent-Length: 6\r\n\r\n/first'])
answered('HTTP/1.2', ['HTTP/1.2 200 OK\r\nContent-Length: 6\r\n\r\n/first'])
answered('a status of two digits', ['HTTP/1.1 20 OK\r\nContent-Length: 6\r\n\r\n/first'])
answered('a status of four digits', ['HTTP/1.1 2000 OK\r\nContent-Length: 6\r\n\r\n/first'])
answered('a request for an answer', ['GET /first HTTP/1.1\r\nHost: a\r\n\r\n'])
// Node keeps the connection until further bytes arrive; ours is closed at once.
answered('101 that nobody asked for', [`HTTP/1.1 101 Switching Protocols\r\n\r\n${SMUGGLED}`], {
  end: 'FIN',
  sorted: true,
})
answered('an upgrade that nobody asked for', [
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: smuggler\r\n\r\n${SMUGGLED}`,
])
answered('a refused CONNECT', [`HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n/first`], {
  options: { method: 'CONNECT', path: 'a.test:80' },
})
answered('100 that nobody asked for', [`HTTP/1.1 100 Continue\r\n\r\n${ok('/first')}`])
answered('many interim answers', [`${'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'.repeat(50)}${ok('/first')}`])
answered('an interim answer with a length', [`HTTP/1.1 103 Early Hints\r\nContent-Length: 6\r\n\r\n${ok('/first')}`])
answered('interim answers and no other', ['HTTP/1.1 102 Processing\r\n\r\n'.repeat(3)], { end: 'FIN' })
answered('a head that is too large', [`${OK}X-Large: ${'a'.repeat(20_000)}\r\nContent-Length: 6\r\n\r\n/first`])
answered('a status line that is too large', [`HTTP/1.1 200 ${'O'.repeat(20_000)}\r\n\r\n`])
answered('trailers that are too large', [
  `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Large: ${'a'.repeat(20_000)}\r\n\r\n`,
])
answered('a byte at a time', [...ok('/first')])
answered('HTTP/1.0 without a length', ['HTTP/1.0 200 OK\r\n\r\n/first'], { end: 'FIN' })
answered('no length, and a reset', [`${OK}\r\n/first`], { end: 'RST' })
answered('keep-alive of no time', [`${OK}Keep-Alive: timeout=0\r\nContent-Length: 6\r\n\r\n/first`])

hostile('late: the request has been given up', async (tools) => {
  const { ask, log, server } = tools
  const asked = ask('/first')
  const { socket } = await server.next()
  asked.request.destroy()
  log('first', await asked.over)
  socket.write(ok('/first'))
  await nextIsFine(tools)
})

hostile('late: the answer has been given up within its body', async (tools) => {
  const { ask, log, server } = tools
  const asked = ask('/first')
  const { socket } = await server.next()
  socket.write(`${OK}Content-Length: 100\r\n\r\n/first`)
  asked.request.on('response', (response) => response.once('data', () => response.destroy()))
  log('first', await asked.over)
  socket.write(SMUGGLED)
  await nextIsFine(tools)
})

hostile('twice: while nobody asks', (tools) => closesKept(tools, (socket) => socket.write(SMUGGLED)))

hostile('twice: as the next one is asked', async (tools) => {
  const { ask, log, server } = tools
  const socket = await firstIsFine(tools)
  const next = ask('/next')
  const { url } = await server.next()
  socket.write(ok(url) + SMUGGLED)
  log('next', await next.over)
  const third = ask('/third')
  const again = await server.next()
  again.socket.write(ok(again.url))
  log('third', await third.over)
})

hostile('early: before anything is asked', async (tools) => {
  const { ask, log, server } = tools
  let spoke
  const spoken = new Promise((resolve) => {
    spoke = resolve
  })
  server.onConnection = (socket) => {
    server.onConnection = null
    socket.resume()
    socket.write(ok('/first'), spoke)
  }
  // The connection is there, the request waits for its body.
  const asked = ask('/first', { method: 'POST', manual: true })
  asked.request.flushHeaders()
  await spoken
  asked.request.on('response', () => asked.request.end())
  log('first', (await asked.over).body)
})

hostile('early: before the body has been sent', async (tools) => {
  const { ask, log, server } = tools
  const asked = ask('/first', { method: 'POST', manual: true, headers: { 'Content-Length': 4 } })
  asked.request.write('ab')
  const { socket } = await server.next()
  socket.write(ok('/first'))
  asked.request.on('response', (response) => response.on('close', () => asked.request.end('cd')))
  log('first', await asked.over)
  await nextIsFine(tools)
})

hostile('early: refused, and closed, before the body has been sent', async (tools) => {
  const { ask, log, server } = tools
  const asked = ask('/first', { method: 'POST', manual: true, headers: { 'Content-Length': 4 } })
  asked.request.write('ab')
  const { socket } = await server.next()
  socket.end('HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  log('first', await asked.over)
  await nextIsFine(tools)
})

hostile('early: the last answer, while an upload goes on that is read later', async (tools) => {
  const { ask, log, server } = tools
  const LENGTH = 20_000_000
  const uploaded = new Promise((resolve) => {
    server.onConnection = (socket) => {
      server.onConnection = null
      let length = 0
      socket.once('data', (data) => {
        length = data.length - data.indexOf('\r\n\r\n') - 4
        socket.pause()
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        socket.on('data', (more) => {
          length += more.length
        })
        socket.on('end', () => resolve(length))
      })
      server.resume = () => socket.resume()
    }
  })
  const asked = ask('/first', { method: 'POST', manual: true, headers: { 'Content-Length': LENGTH } })
  asked.request.end(Buffer.alloc(LENGTH))
  asked.request.on('response', (response) => response.on('close', () => server.resume()))
  const { body, events, error } = await asked.over
  log('first', body, events, error, await uploaded)
  await nextIsFine(tools)
})

const WHOLE = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n2\r\nab\r\n0\r\nT: u\r\n\r\n'

for (const [name, stop] of [
  ['FIN', (socket) => socket.end()],
  ['RST', (socket) => socket.resetAndDestroy()],
]) {
  hostile(`${name} behind each byte of an answer`, async ({ ask, log, server }) => {
    for (let sent = 0; sent <= WHOLE.length; sent++) {
      const asked = ask(`/${sent}`)
      const { socket } = await server.next()
      if (sent > 0) await new Promise((resolve) => socket.write(WHOLE.slice(0, sent), resolve))
      stop(socket)
      const { status, body, error, responseError, reused } = await asked.over
      log(sent, status, body, error, responseError, reused)
    }
  })

  hostile(`${name} before a kept connection is used again`, (tools) => closesKept(tools, stop))

  hostile(`${name} as a kept connection is used again`, async (tools) => {
    const { ask, log, server } = tools
    const socket = await firstIsFine(tools)
    const again = ask('/again')
    const second = await server.next()
    log('the same connection', second.socket === socket)
    stop(second.socket)
    log('again', await again.over)
    await nextIsFine(tools)
  })

  hostile(`${name} within an upload`, async (tools) => {
    const { ask, log, server } = tools
    server.onConnection = (socket) => {
      server.onConnection = null
      socket.once('data', () => stop(socket))
    }
    const asked = ask('/first', { method: 'POST', manual: true })
    asked.request.write(Buffer.alloc(1000))
    const { error, body } = await asked.over
    log('first', error, body)
    await nextIsFine(tools)
  })

  hostile(`${name} at the connection`, async (tools) => {
    const { ask, log, server } = tools
    server.onConnection = (socket) => {
      server.onConnection = null
      socket.resume()
      stop(socket)
    }
    const asked = ask('/first', { method: 'POST', manual: true })
    asked.request.flushHeaders()
    const { body, error } = await asked.over
    // Whether a read or a write gets the reset depends on the timing.
    log('first', body, error?.[0], error?.[1])
    await nextIsFine(tools)
  })
}

/** Sends a body that no kernel accepts as a whole, and logs the outcome of its parts; `act` ends it. */
function unsent(title, { options, act }) {
  hostile(`the callbacks of an upload: ${title}`, async ({ ask, log, server }) => {
    server.onConnection = (socket) => {
      socket.pause()
    }
    const { request, over } = ask('/first', { method: 'POST', manual: true, ...options })
    const called = []
    for (const event of ['error', 'close']) request.on(event, (error) => called.push([event, error?.code]))
    const end = new Promise((resolve) => {
      request.write(Buffer.alloc(20_000_000), (error) => called.push(['write', error?.code, error?.message]))
      request.end((error) => {
        called.push(['end', error?.code, error?.message])
        resolve()
      })
    })
    request.on('socket', (socket) => socket.on('connect', () => setImmediate(() => act?.(request))))
    await over
    await end
    log(called)
  })
}

unsent('nobody listens', { options: { port: 1 } })
unsent('destroyed', { act: (request) => request.destroy() })
unsent('destroyed with an error', { act: (request) => request.destroy(new Error('enough')) })
unsent('aborted', { act: (request) => request.abort() })

async function crowd({ ask, log, server }) {
  const COUNT = 40
  const asked = Array.from({ length: COUNT }, (_, i) => ask(`/${i}`))
  const serve = async () => {
    for (;;) {
      const { socket, url } = await server.next()
      const ways = [
        () => socket.write(ok(url)),
        () => socket.resetAndDestroy(),
        () => socket.end(ok(url) + SMUGGLED),
        () => socket.end(ok(url).slice(0, -1)),
        () => socket.write(ok(url) + SMUGGLED),
      ]
      ways[url.slice(1) % ways.length]()
    }
  }
  serve()
  let answers = 0
  for (const { over } of asked) {
    const { url, body, events, error, responseError } = await over
    // One that is sent as the connection ends is lost: which one is a matter of luck.
    const code = (error ?? responseError)?.[1]
    if (code === undefined && body !== url) throw new Error(`${url} was answered ${body}`)
    if (code !== undefined && code !== 'ECONNRESET' && code !== 'EPIPE') throw new Error(`${url} failed by ${code}`)
    if (events.filter((event) => event === 'close').length !== 1) throw new Error(`${url}: ${events}`)
    if (code === undefined) answers++
  }
  log('answered', answers > 0 && answers < COUNT)
}

hostile('requests that wait while connections die get their own answers', crowd, { lucky: true })
