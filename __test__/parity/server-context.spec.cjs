'use strict'
// Which async context a server's listeners and callbacks find.
const test = require('ava')
const { parity, whereNode24 } = require('../helpers/parity.cjs')

test(
  'events of a response are emitted in the context of the call that has caused them',
  parity(async (http, log, { listen, raw, until }) => {
    const { AsyncLocalStorage } = require('node:async_hooks')
    const storage = new AsyncLocalStorage()
    const seen = []
    const closed = []
    const note = (what) => () => seen.push(`${what} ${storage.getStore()}`)
    const server = http.createServer((req, res) => {
      storage.run(`handler of ${req.url}`, () => {
        closed.push(until(res, 'close'))
        for (const event of ['prefinish', 'finish', 'close']) res.on(event, note(`${req.url} ${event}`))
        req.resume().on('end', note(`${req.url} end`))
        if (req.url === '/now') res.end('x', note('/now callback'))
        else if (req.url === '/later') setImmediate(() => res.end('x'))
        else {
          res.once('drain', note('/parts drain'))
          res.once('drain', () => storage.run('drained', () => res.end('x', note('/parts callback'))))
          storage.run('write', () => res.write('x'.repeat(1 << 20), note('/parts written')))
        }
      })
    })
    const port = await listen(server)
    for (const url of ['/now', '/later', '/parts'])
      await raw(port, `GET ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    await Promise.all(closed)
    log(seen.sort())
  }),
)

whereNode24(
  'events of received bytes have the context of listen',
  parity(
    async (http, log, { listen, connect, raw, until }) => {
      const { AsyncLocalStorage } = require('node:async_hooks')
      const storage = new AsyncLocalStorage()
      const seen = []
      const note = (what) => () => seen.push(`${what} ${storage.getStore()}`)
      const servers = ['first', 'second'].map((name) => {
        const server = http.createServer((req, res) => {
          note(`${name} request`)()
          for (const event of ['data', 'end', 'aborted', 'close']) req.on(event, note(`${name} ${event}`))
          req.on('error', note(`${name} error`))
          req.on('end', () => res.end())
          server.emit('asked', req)
        })
        server.on('connection', note(`${name} connection`))
        server.on('clientError', (error, socket) => {
          if (error.code === 'HPE_INVALID_METHOD') note(`${name} clientError`)()
          socket.destroy()
        })
        server.on('upgrade', (_req, socket) => {
          note(`${name} upgrade`)()
          socket.on('data', note(`${name} upgraded data`)).on('end', () => socket.end())
        })
        return [name, server]
      })
      for (const [name, server] of servers) {
        const port = await storage.run(`listen of ${name}`, () => listen(server))
        await raw(port, 'nonsense\r\n\r\n')

        const upgraded = await connect(port)
        const upgrade = until(server, 'upgrade')
        await upgraded.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
        await upgrade
        await upgraded.write('data')
        upgraded.socket.end()
        await upgraded.closed

        const posting = await connect(port)
        for (const all of [true, false]) {
          const asked = until(server, 'asked')
          await posting.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n')
          const [req] = await asked
          const read = until(req, 'data')
          const closed = new Promise((resolve) => req.on('close', resolve))
          await posting.write(all ? 'body' : 'bo')
          await read
          if (all) await posting.readResponse()
          else posting.socket.end()
          await closed
        }
      }
      log(seen.sort())
    },
    { only24: true, isolated: true, adopted: true },
  ),
)

test(
  'an error of a callback or a listener goes to its own domain',
  parity(
    async (http, log, { listen, connect, until }) => {
      const domain = require('node:domain')
      const { EventEmitter } = require('node:events')
      const reports = new EventEmitter()
      const outer = domain.create()
      outer.on('error', (error) => reports.emit('thrown', 'outer', error.message))
      const listening = outer.run(() => {
        const server = http.createServer((req, res) => {
          const inner = domain.create()
          inner.on('error', (error) => reports.emit('thrown', 'inner', error.message))
          const thrower = inner.bind(() => {
            throw new Error(req.url)
          })
          if (req.url === '/written') res.write('x', thrower)
          else res.on('finish', thrower)
          res.end()
        })
        return listen(server)
      })
      const port = await listening
      for (const url of ['/written', '/finish']) {
        const thrown = until(reports, 'thrown')
        // The client does not wait for the response, so code after the callback does not run.
        await (await connect(port)).write(`GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
        log(await thrown)
      }
    },
    { isolated: true, adopted: true },
  ),
)
