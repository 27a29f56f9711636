'use strict'
// Which async context a server's listeners and callbacks find.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

test(
  'what a response tells comes in the context of the call that it follows',
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
