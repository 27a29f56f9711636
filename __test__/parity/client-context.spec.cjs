'use strict'
// The environment of a request: async contexts, diagnostics channels, streams of other kinds.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { rawServer } = require('./_exchange.cjs')
const on24 = require('./_on24.cjs')

const HI = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

for (const maxSockets of [Infinity, 1]) {
  on24(
    `a request's events come in its async context, maxSockets ${maxSockets}`,
    parity(
      async (http, log, tools) => {
        const { AsyncLocalStorage } = require('node:async_hooks')
        const port = await rawServer(tools, HI)
        const storage = new AsyncLocalStorage()
        const agent = new http.Agent({ keepAlive: true, maxSockets })
        tools.after(() => agent.destroy())
        const lists = await Promise.all(
          [1, 2, 3].map((i) =>
            storage.run(i, async () => {
              const seen = []
              const note = (event) => () => seen.push([event, storage.getStore()])
              await new Promise((resolve) => {
                const request = http.get({ host: '127.0.0.1', port, agent }, (response) => {
                  note('callback')()
                  for (const event of ['data', 'end', 'close']) response.on(event, note(`response ${event}`))
                  response.on('close', resolve)
                })
                for (const event of ['socket', 'finish', 'response', 'close']) request.on(event, note(event))
              })
              return seen
            }),
          ),
        )
        for (const seen of lists) log(seen.sort())
      },
      { nativeOnly: true },
    ),
  )
}

on24(
  'diagnostics channels',
  parity(
    async (http, log, tools) => {
      const diagnostics = require('node:diagnostics_channel')
      const port = await rawServer(tools, HI)
      for (const name of ['request.created', 'request.start', 'request.error', 'response.finish']) {
        // Other tests make requests, too.
        const note = (message) => {
          if (message.request.path === '/observed') log(name, Object.keys(message), message.error)
        }
        diagnostics.subscribe(`http.client.${name}`, note)
        tools.after(() => diagnostics.unsubscribe(`http.client.${name}`, note))
      }
      await new Promise((resolve) => {
        const request = http.get({ host: '127.0.0.1', port, path: '/observed', agent: false }, (response) => {
          log('response')
          response.resume()
        })
        log('made')
        request.on('finish', () => log('finish')).on('close', resolve)
      })
      await new Promise((resolve) => {
        http
          .get({ host: '127.0.0.1', port: 1, path: '/observed', agent: false })
          .on('error', () => log('error'))
          .on('close', resolve)
      })
    },
    { nativeOnly: true },
  ),
)

/** A stream that answers requests, and is no socket. */
function stream(log, answer, { end = false } = {}) {
  const { Duplex } = require('node:stream')
  let answered = false
  return new Duplex({
    read() {},
    write(chunk, encoding, done) {
      log('written', String(chunk))
      done()
      if (answered) return
      answered = true
      setImmediate(() => {
        if (answer !== '') this.push(answer)
        if (end) this.push(null)
      })
    },
    final(done) {
      log('final')
      done()
    },
    destroy(error, done) {
      log('destroy', error)
      done(error)
    },
  })
}

for (const [title, answer, options] of [
  ['answers until it ends', 'HTTP/1.1 200 OK\r\n\r\nhi', { end: true }],
  ['ends', '', { end: true }],
  ['ends within the head', 'HTTP/1.1 20', { end: true }],
  ['ends within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi', { end: true }],
  ['answers nonsense', 'nonsense\r\n\r\n'],
]) {
  on24(
    `a stream that ${title}`,
    parity(async (http, log) => {
      await new Promise((resolve) => {
        const request = http.request(
          { method: 'POST', host: 'a', createConnection: () => stream(log, answer, options) },
          (response) => {
            response.on('error', (error) => log('response error', error))
            response.on('data', (data) => log('data', data)).on('end', () => log('end'))
          },
        )
        request.on('error', (error) => log('error', error))
        request.on('close', () => {
          log('close')
          setImmediate(resolve)
        })
        request.end('abc')
      })
    }),
  )
}

on24(
  'a Unix socket',
  parity(
    async (http, log, { listen, after }) => {
      const fs = require('node:fs')
      const path = require('node:path')
      const folder = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'unix-'))
      after(() => fs.rmSync(folder, { recursive: true }))
      const socketPath = path.join(folder, 's')
      await listen(
        http.createServer((req, res) => res.end(`${req.url} ${req.headers.host}`)),
        socketPath,
      )
      for (const options of [{ agent: new http.Agent({ keepAlive: true }) }, { agent: null }]) {
        await new Promise((resolve) => {
          http.get({ socketPath, path: '/q', ...options }, (response) => {
            response.on('data', (data) => log(data)).on('close', resolve)
          })
        })
        options.agent?.destroy()
      }
      await new Promise((resolve) => {
        http
          .get({ socketPath: `${socketPath}x`, agent: null })
          .on('error', (error) => log(error.code, error.syscall))
          .on('close', resolve)
      })
    },
    { nativeOnly: true },
  ),
)

on24(
  'a slow consumer holds the response back',
  parity(
    async (http, log, tools) => {
      const size = 4_000_000
      const port = await rawServer(tools, (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        socket.write(Buffer.alloc(size))
      })
      let received = 0
      await new Promise((resolve) => {
        http.get({ host: '127.0.0.1', port, agent: false }, async (response) => {
          await new Promise((done) => response.once('readable', done))
          log('held back', response.readableLength < size)
          for await (const chunk of response) {
            received += chunk.length
            if (received < size / 4) await new Promise(setImmediate)
          }
          resolve()
        })
      })
      log(received)
    },
    { nativeOnly: true },
  ),
)

test(
  'the async id of a socket is that of its request, none while it is free',
  parity(
    async (http, log, tools) => {
      const port = await rawServer(tools, HI)
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      tools.after(() => agent.destroy())
      const ids = []
      for (let i = 0; i < 2; i++) {
        const [socket] = await new Promise((resolve) => {
          agent.once('free', (...given) => setImmediate(resolve, given))
          http.get({ host: '127.0.0.1', port, agent }, (response) => {
            ids.push(idOf(response.socket))
            response.resume()
          })
        })
        log(idOf(socket))
      }
      log(
        ids.map((id) => id > 0),
        ids[0] === ids[1],
      )

      function idOf(socket) {
        const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'async_id_symbol')
        return socket[key]
      }
    },
    { nativeOnly: true },
  ),
)
