'use strict'
// Servers and sockets that are passed to other processes, as Node documents it for `subprocess.send` and `options.stdio`.
const { fork, spawn } = require('node:child_process')
const { once } = require('node:events')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { listenAsCompatible } = require('../helpers/play.cjs')

const CHILD = path.join(__dirname, 'fixtures/handle-child.cjs')
const UPGRADE = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const POSIX = process.platform !== 'win32'

/**
 * Runs `use(child, nextMessage)` with a child that takes handles; `nextMessage()` is its next message. The server that `use` answers is
 * closed while the child lives: Node's never closes once a child has gone that had one of its sockets.
 */
async function withChild(use) {
  const child = fork(CHILD, [], { execArgv: [] })
  const messages = []
  const waiting = []
  child.on('message', (message) => (waiting.length > 0 ? waiting.shift()(message) : messages.push(message)))
  const nextMessage = async () =>
    messages.length > 0 ? messages.shift() : new Promise((resolve) => waiting.push(resolve))
  try {
    const server = await use(child, nextMessage)
    if (server?.listening) await new Promise((resolve) => server.close(resolve))
    child.send('bye')
    await once(child, 'exit')
  } finally {
    child.kill()
  }
}

/** The bytes that a bare peer receives until the connection ends. */
function peer(port) {
  const socket = net.connect(port, '127.0.0.1')
  let text = ''
  let wanted = null
  socket.setEncoding('latin1').on('data', (data) => {
    text += data
    if (wanted !== null && text.includes(wanted[0])) wanted[1]()
  })
  socket.on('error', () => {})
  const closed = once(socket, 'close').then(() => text)
  const has = (part) =>
    new Promise((resolve) => {
      wanted = [part, resolve]
      if (text.includes(part)) resolve()
    })
  return { socket, closed, has }
}

const titled = (title, script, options) => (POSIX ? test : test.skip)(title, parity(script, options))

titled('a server, which the child serves when this process has closed it', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer((_request, response) => response.end('parent'))
    const port = await tools.listen(server)
    log(child.send('server', server))
    log(await nextMessage())
    child.send('server', server)
    log(await nextMessage(), server.listening)
    server.close()
    await once(server, 'close')
    for (let i = 0; i < 3; i++) {
      const asked = peer(port)
      asked.socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
      log((await asked.closed).split('\r\n\r\n')[1])
    }
    return server
  })
})

titled('a server on a path', async (http, log) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer((_request, response) => response.end('parent'))
    const file = path.join(os.tmpdir(), `ferrohttp-send-${process.pid}-${Math.random()}`)
    await new Promise((resolve) => server.listen(file, resolve))
    child.send('server', server)
    log(await nextMessage())
    server.close()
    await once(server, 'close')
    return server
  })
})

titled('an upgraded socket', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer()
    server.on('upgrade', (_request, socket, head) => {
      socket.write(`HTTP/1.1 101 X\r\n\r\nparent ${head} `)
      child.send('socket', socket, (error) => log('sent', error))
      log(socket.destroyed, socket.remoteAddress)
    })
    const port = await tools.listen(server)
    const asked = peer(port)
    asked.socket.write(`${UPGRADE}head`)
    log(await nextMessage())
    await asked.has('child ')
    asked.socket.end('more')
    log(await asked.closed)
    log(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count))))
    return server
  })
})

titled('a socket from the connection listener, before anything has been read', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer(() => log('never'))
    server.on('connection', (socket) => child.send('socket', socket))
    const port = await tools.listen(server)
    const asked = peer(port)
    log(await nextMessage())
    asked.socket.write('not HTTP')
    await asked.has('<not HTTP>')
    asked.socket.end()
    log(await asked.closed)
    return server
  })
})

// Node's own server cannot be closed from there on: its `close` throws.
for (const road of POSIX ? ['native', 'compatible'] : []) {
  test(`the socket of a request that is not answered here, ${road}`, async (t) => {
    const { createServer } = require('ferrohttp')
    await withChild(async (child, nextMessage) => {
      const seen = []
      const server = createServer((request, response) => {
        for (const event of ['aborted', 'close', 'error']) request.on(event, () => seen.push(event))
        for (const event of ['finish', 'close', 'error']) response.on(event, () => seen.push(event))
        child.send('socket', request.socket)
      })
      if (road === 'native') await once(server.listen(0, '127.0.0.1'), 'listening')
      else await listenAsCompatible(server, [0, '127.0.0.1'])
      const { port } = server.address()
      const asked = peer(port)
      asked.socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
      t.is(await nextMessage(), 'has a socket')
      await asked.has('child ')
      asked.socket.end('bytes')
      t.is(await asked.closed, 'child <bytes>bye')
      t.deepEqual(seen, [])
      return server
    })
  })
}

titled('several sockets one behind the other', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer()
    const sockets = []
    const all = new Promise((resolve) =>
      server.on('upgrade', (_request, socket) => sockets.push(socket) === 3 && resolve()),
    )
    const port = await tools.listen(server)
    const peers = [peer(port), peer(port), peer(port)]
    for (const { socket } of peers) socket.write(UPGRADE)
    await all
    for (const socket of sockets) child.send('socket', socket)
    for (const _ of sockets) log(await nextMessage())
    for (const [i, asked] of peers.entries()) {
      await asked.has('child ')
      asked.socket.end(`number ${i}`)
      log(await asked.closed)
    }
    return server
  })
})

titled('a socket that stays open here', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer()
    const port = await tools.listen(server)
    const asked = peer(port)
    asked.socket.write(UPGRADE)
    const [, socket] = await once(server, 'upgrade')
    child.send('socket', socket, { keepOpen: true })
    log(await nextMessage())
    await asked.has('child ')
    await new Promise((resolve) => socket.write('from here ', resolve))
    await asked.has('from here ')
    log('both write')
    socket.destroy()
    asked.socket.end('rest')
    log((await asked.closed).endsWith('bye'))
    return server
  })
})

titled('what has been written leaves before the child writes', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer()
    const port = await tools.listen(server)
    const asked = peer(port)
    asked.socket.write(UPGRADE)
    const [, socket] = await once(server, 'upgrade')
    for (let i = 0; i < 50; i++) socket.write(`${i},`)
    await new Promise((resolve) => socket.write('last ', resolve))
    child.send('socket', socket)
    log(await nextMessage())
    await asked.has('child ')
    asked.socket.end()
    log(await asked.closed)
    return server
  })
})

titled('the tunnel of a client', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer()
    const accepted = once(server, 'connect')
    const port = await tools.listen(server)
    const request = http.request({ host: '127.0.0.1', port, method: 'CONNECT', path: 'a:1' })
    request.end()
    const [, far] = await accepted
    far.write('HTTP/1.1 200 OK\r\n\r\n')
    const [, near] = await once(request, 'connect')
    let text = ''
    far.on('data', (data) => {
      text += data
    })
    child.send('socket', near)
    log(await nextMessage())
    far.end('through')
    await once(far, 'close')
    log(text)
    return server
  })
})

titled('a socket that is gone is sent as nothing', async (http, log, tools) => {
  await withChild(async (child, nextMessage) => {
    const server = http.createServer()
    const port = await tools.listen(server)
    const asked = peer(port)
    asked.socket.write(UPGRADE)
    const [, socket] = await once(server, 'upgrade')
    socket.destroy()
    child.send('socket', socket)
    log(await nextMessage())
    await asked.closed
    return server
  })
})

titled('the stdio of a child', async (http, log, tools) => {
  const server = http.createServer()
  const port = await tools.listen(server)
  const asked = peer(port)
  asked.socket.write(UPGRADE)
  const [, socket] = await once(server, 'upgrade')
  await new Promise((resolve) => socket.write('HTTP/1.1 101 X\r\n\r\n', resolve))
  const child = spawn('sh', ['-c', 'read x; echo got $x'], { stdio: [socket, socket, 2] })
  asked.socket.write('line\n')
  log(await once(child, 'exit'))
  await asked.has('got')
  socket.destroy()
  log(await asked.closed)
})

titled('what cannot be passed on', async (http, log, tools) => {
  await withChild(async (child) => {
    const attempt = (title, act) => {
      try {
        log(title, act())
      } catch (error) {
        log(title, error.code, error.name)
      }
    }
    const server = http.createServer()
    await tools.listen(server)
    for (const value of [new http.Agent(), http.globalAgent, {}, 1, new http.IncomingMessage(null)])
      attempt(String(value), () => child.send('x', value))
    attempt('stdio', () => spawn('true', { stdio: [new http.Agent(), 'ignore', 'ignore'] }).pid > 0)
  })
})
