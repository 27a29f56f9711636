'use strict'
// checkContinue, checkExpectation, clientError, connect and upgrade.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

/** Sends a head, and once that has been answered a body of four bytes. */
async function expecting(server, head, log, { listen, connect }) {
  const client = await connect(await listen(server))
  await client.write(`${head}\r\nHost: a\r\nContent-Length: 4\r\n\r\n`)
  log((await client.readResponse()).head)
  await client.write('body')
  return client
}

test(
  'Expect: 100-continue without a listener',
  parity(async (http, log, tools) => {
    const server = http.createServer((req, res) => {
      log('request', req.headers.expect)
      req.on('data', (chunk) => log(chunk))
      req.on('end', () => res.end('thanks'))
    })
    const client = await expecting(server, 'POST / HTTP/1.1\r\nConnection: close\r\nExpect: 100-Continue', log, tools)
    log(await client.readToEnd())
  }),
)

test(
  'checkContinue decides',
  parity(async (http, log, tools) => {
    const server = http.createServer(() => log('request'))
    server.on('checkContinue', (req, res) => {
      log('checkContinue', req.url)
      if (req.url === '/no') {
        res.writeHead(413)
        res.end('too large')
        return
      }
      res.writeContinue()
      req.setEncoding('utf8').on('data', (text) => log(text))
      req.on('end', () => res.end('taken'))
    })
    const client = await expecting(server, 'POST /yes HTTP/1.1\r\nExpect: 100-continue', log, tools)
    log((await client.readResponse()).head)
    await client.write('POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    log(await client.readToEnd())
  }),
)

test(
  'other expectations',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      log('request', req.httpVersion)
      res.end()
    })
    const port = await listen(server)
    const request = (version) => `GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\nExpect: something\r\n\r\n`
    log(await raw(port, request('1.1')))
    log(await raw(port, request('1.0')))
    server.on('checkExpectation', (req, res) => {
      log('checkExpectation', req.headers.expect)
      res.writeHead(417, 'Not so')
      res.end('sorry')
    })
    log(await raw(port, request('1.1')))
  }),
)

const broken = {
  'an unknown method': ['FOO / HTTP/1.1\r\n\r\n'],
  'a header without a colon': ['GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n'],
  'two lengths': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  'a bad chunk': ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  'an oversized head': [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
}

for (const [title, parts] of Object.entries(broken)) {
  const source = JSON.stringify(parts)
  test(
    `the default answer to ${title}`,
    parity(async (http, log, { listen, connect }) => {
      const server = http.createServer((req) => {
        log('request', req.url)
        req.on('error', (error) => log('request error', error))
        req.on('aborted', () => log('aborted'))
      })
      const port = await listen(server)
      const client = await connect(port)
      for (const part of JSON.parse(source)) await client.write(part)
      log(await client.readToEnd())
    }),
  )

  test(
    `clientError for ${title}`,
    parity(async (http, log, { listen, connect }) => {
      const server = http.createServer((req) => {
        log('request', req.url)
        req.on('error', () => {})
      })
      server.on('clientError', function onClientError(error, socket) {
        log(
          error,
          error.code === 'HPE_HEADER_OVERFLOW' || error.bytesParsed,
          error.reason,
          error.rawPacket.length > 0,
          this === server,
        )
        log(socket instanceof require('node:net').Socket, socket.writable, socket.readable, socket.destroyed)
        socket.end('HTTP/1.1 400 Mine\r\nConnection: close\r\n\r\nmine')
      })
      const port = await listen(server)
      const client = await connect(port)
      for (const part of JSON.parse(source)) await client.write(part)
      log(await client.readToEnd())
    }),
  )
}

test(
  'clientError for a peer that resets',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((req) => {
      req.on('error', () => {})
      server.emit('arrived')
    })
    server.on('clientError', (error, socket) => {
      log(error.code, error.syscall, error.bytesParsed, socket.writable)
      server.emit('reported')
    })
    const port = await listen(server)
    const arrived = until(server, 'arrived')
    const reported = until(server, 'reported')
    const client = await connect(port)
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await arrived
    client.reset()
    await reported
  }),
)

test(
  'upgrade without a listener is a request',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      log(req.upgrade, req.headers.upgrade)
      res.end('no upgrade here')
    })
    const port = await listen(server)
    log(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: x\r\n\r\n'))
  }),
)

on24(
  'shouldUpgradeCallback',
  parity(async (http, log, { listen, raw, connect }) => {
    const server = http.createServer(
      {
        shouldUpgradeCallback(req) {
          log('asked', this === server, req.url, req.headers.upgrade)
          return req.url !== '/no'
        },
      },
      (req, res) => {
        log('request', req.upgrade)
        res.end('no')
      },
    )
    const port = await listen(server)
    const head = (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: x\r\n\r\n`
    log(await raw(port, head('/no')))
    log(await raw(port, head('/nobody')))
    server.on('upgrade', (req, socket) => {
      log('upgrade', req.upgrade)
      socket.end('yes')
    })
    const client = await connect(port)
    await client.write(head('/yes'))
    log(await client.readToEnd())
  }),
)

/** A connection that a server hands over by `event` because of `head`. @returns both ends */
async function takenOver(server, event, head, { listen, connect, until }) {
  const port = await listen(server)
  const taken = until(server, event)
  const client = await connect(port)
  await client.write(head)
  const [, socket] = await taken
  return { client, socket }
}

for (const [event, head] of [
  ['upgrade', 'GET /path HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ['connect', 'CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n'],
]) {
  test(
    `${event} passes the connection on with the bytes after the head`,
    parity(async (http, log, { listen, connect, until }) => {
      const server = http.createServer(() => log('request'))
      server.on(event, (req, socket, first) => {
        log(req.method, req.url, req.headers, req.upgrade, req.complete, Buffer.isBuffer(first), first)
        log(
          socket instanceof require('node:net').Socket,
          socket === req.socket,
          socket.parser,
          socket._httpMessage ?? null,
        )
        for (const listened of ['error', 'data', 'timeout', 'drain', 'close', 'end'])
          log(listened, socket.listenerCount(listened))
        log(socket.readable, socket.writable, socket.readableFlowing, socket.destroyed, socket.allowHalfOpen)
        socket.write('switched:')
        socket.on('data', (chunk) => socket.write(chunk))
        socket.on('end', () => {
          log('end')
          socket.end('!')
        })
        server.emit('handed', new Promise((resolve) => socket.on('close', resolve)))
      })
      const port = await listen(server)
      const handed = until(server, 'handed')
      const client = await connect(port)
      await client.write(`${head}early`)
      log(await client.readUntil('switched:'))
      for (const part of ['one', 'two']) {
        await client.write(part)
        log(await client.readUntil(part))
      }
      client.end()
      log(await client.readToEnd())
      const [closed] = await handed
      log(await closed)
    }),
  )

  test(
    `${event}: no byte is lost while the socket is not read`,
    parity(async (http, log, tools) => {
      const { until } = tools
      const server = http.createServer((_req, res) => res.end())
      const { client, socket } = await takenOver(server, event, head, tools)
      socket.write('go')
      await client.readUntil('go')
      await client.write('early bytes')
      client.end()
      // By the time of the answer the server has received the bytes and the end before it.
      const other = await tools.connect(server.address().port)
      await other.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await other.readResponse()
      const ended = until(socket, 'end')
      socket.on('data', (chunk) => log(chunk))
      await ended
      socket.end('all read')
      log(await client.readToEnd())
    }),
  )

  test(
    `${event}: many bytes both ways`,
    parity(async (http, log, { listen, connect }) => {
      const server = http.createServer()
      server.on(event, (_req, socket) => {
        socket.write('go')
        socket.pipe(socket)
      })
      const port = await listen(server)
      const client = await connect(port)
      await client.write(head)
      await client.readUntil('go')
      const part = Buffer.alloc(100_000, 'abcdefghij')
      for (let i = 0; i < 10; i++) await client.write(part)
      const echoed = await client.readBytes(1_000_000)
      log(echoed === 'abcdefghij'.repeat(100_000))
      client.end()
      log(await client.readToEnd(), await client.closed)
    }),
  )

  test(
    `${event}: the socket is destroyed by the program`,
    parity(async (http, log, { listen, connect, until }) => {
      const server = http.createServer()
      server.on(event, (_req, socket) => {
        socket.on('error', (error) => log(error))
        socket.write('last words')
        const closed = new Promise((resolve) => socket.on('close', resolve))
        if (event === 'upgrade') socket.destroySoon()
        else socket.destroy(new Error('on purpose'))
        server.emit('destroyed', closed)
      })
      const port = await listen(server)
      const destroyed = until(server, 'destroyed')
      const client = await connect(port)
      await client.write(head)
      const [closed] = await destroyed
      const text = await client.readToEnd()
      if (event === 'upgrade') log(text)
      await client.closed
      log(await closed)
    }),
  )

  test(
    `${event}: a peer that resets`,
    parity(async (http, log, tools) => {
      const server = http.createServer()
      const { client, socket } = await takenOver(server, event, head, tools)
      socket.on('data', () => {})
      socket.on('end', () => log('end'))
      socket.on('error', (error) => log(error.code, error.syscall))
      const closed = new Promise((resolve) => socket.on('close', resolve))
      client.reset()
      log(await closed, socket.destroyed)
    }),
  )

  on24(
    `${event}: timeouts are the program's`,
    parity(async (http, log, tools) => {
      const { until } = tools
      const server = http.createServer({ connectionsCheckingInterval: 5 })
      server.on('timeout', () => log('server timeout'))
      const { client, socket } = await takenOver(server, event, head, tools)
      // Only now: on a busy machine they would end before the head has arrived.
      Object.assign(server, { keepAliveTimeout: 5, headersTimeout: 200, requestTimeout: 200 })
      socket.setTimeout(300)
      await until(socket, 'timeout')
      log(socket.destroyed, socket.timeout)
      socket.end('over')
      log(await client.readToEnd())
    }),
  )
}

test(
  'connect without a listener closes the connection',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer(() => log('request'))
    const port = await listen(server)
    const client = await connect(port)
    await client.write('CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n')
    log(await client.readToEnd())
  }),
)

test(
  'upgrade after an answered request, on the same connection',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((_req, res) => res.end('plain'))
    server.on('upgrade', (_req, socket, head) => {
      log(socket.listenerCount('data'), socket.listenerCount('error'), head)
      socket.end('switched')
    })
    const port = await listen(server)
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    log((await client.readResponse()).body)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nrest')
    log(await client.readToEnd())
  }),
)

for (const [where, ...parts] of [
  ['head', 'GET / HTTP/1.1\r\nHost'],
  ['body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n', 'hel'],
  ['body that is read', 'POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n', 'hel'],
])
  on24(
    `clientError when the peer ends within a ${where}`,
    parity(async (http, log, { listen, connect }) => {
      const server = http.createServer((req, res) => {
        log('request')
        if (req.url === '/read') req.resume()
        req.on('error', (error) => log('request error', error.code))
        res.on('close', () => log('response closed'))
      })
      const closed = new Promise((resolve) => {
        server.on('connection', (socket) => {
          socket.on('end', () => log('end'))
          // The events of its messages follow it, in ticks.
          socket.on('close', () => setImmediate(resolve))
        })
      })
      server.on('clientError', (error, socket) => {
        log(error, Object.keys(error), error.reason, error.bytesParsed, error.rawPacket)
        log(socket.readable, socket.readableEnded, socket.writable, socket.destroyed)
        socket.end('HTTP/1.1 400 Told\r\n\r\n')
      })
      const client = await connect(await listen(server))
      for (const part of parts) await client.write(part)
      client.socket.end()
      const answer = await client.readToEnd()
      await closed
      log(answer)
    }),
  )

for (const parts of [
  ['HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
  ['HTTP/1.1 400 Bad Request\r\n', '\r\n'],
])
  on24(
    `a response after a 'clientError' listener has ended the socket with ${parts.length} writes is not sent`,
    parity(async (http, log, { listen, raw }) => {
      const server = http.createServer((req, res) => {
        res.sendDate = false
        req.resume().on('end', () => res.end('late'))
      })
      server.on('clientError', (error, socket) => {
        log(error.code, socket.writable)
        for (const part of parts.slice(0, -1)) socket.write(part)
        socket.end(parts.at(-1))
      })
      const port = await listen(server)
      for (let i = 0; i < 8; i++) log(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\nbad'))
    }),
  )

test(
  'bytes that the listener of an upgrade returns by unshift are emitted at once',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer()
    const upgraded = new Promise((resolve) => {
      server.on('upgrade', (_req, socket, head) => {
        socket.on('data', (chunk) => log('first listener', chunk))
        socket.unshift(head)
        log('given back')
        socket.on('data', (chunk) => socket.end(`second listener: ${chunk}`))
        resolve()
      })
    })
    const client = await connect(await listen(server))
    await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly')
    await upgraded
    await client.write('later')
    log(await client.readToEnd())
  }),
)
