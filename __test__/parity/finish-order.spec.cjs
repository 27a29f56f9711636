'use strict'
// When a message has been sent: 'finish' and the callbacks of `end()`, and an end that cannot be sent.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const ROUNDS = 10

/** Ways of sending a request with a body. */
const SENDS = {
  'end(body)': (req, body) => req.end(body),
  'write, end': (req, body) => {
    req.write(body)
    req.end()
  },
  'write, end when written': (req, body) => req.write(body, () => req.end()),
  'write, end in an immediate': (req, body) => {
    req.write(body)
    setImmediate(() => req.end())
  },
  'write, end two ticks later': (req, body) => {
    req.write(body)
    process.nextTick(() => process.nextTick(() => req.end()))
  },
}

/** The distinct orders in which a request and its response emit. The server is this thread's, or another one's. */
async function orders(http, log, { after, listen }, { early, far, kept }) {
  const answer = (req, res) => {
    if (early) res.writeHead(307, { Location: '/x', Connection: req.headers['x-close'] ? 'close' : 'keep-alive' }).end()
    else req.on('end', () => res.end('ok'))
    req.resume()
  }
  let seen = null
  const port = far ? await listenInWorker(answer, early, after) : await listen(http.createServer(answerHere))
  function answerHere(req, res) {
    seen?.()
    answer(req, res)
  }
  for (const way of Object.keys(SENDS))
    for (const size of early ? [32] : [32, 200_000])
      for (const framed of [false, true]) {
        // A first part may be answered before the event loop runs its immediates.
        if ((far || early) && way.includes('immediate')) continue
        const agent = new http.Agent({ keepAlive: kept })
        const found = new Set()
        for (let i = 0; i < ROUNDS; i++) {
          const order = []
          await new Promise((resolve, reject) => {
            // The server of this thread may receive bytes that are sent in parts, or with the connection, before the client is notified.
            const inOne = kept && size === 32 && !early && (way === 'end(body)' || way === 'write, end')
            seen = inOne ? () => order.push('server') : null
            const headers = kept ? {} : { 'X-Close': '1' }
            if (framed) headers['Content-Length'] = size
            const req = http.request({ port, host: '127.0.0.1', agent, method: 'POST', headers }, (res) => {
              order.push('response')
              res.resume().on('end', () => {
                order.push('end')
                setImmediate(resolve)
              })
            })
            req.on('error', reject).on('finish', () => order.push('finish'))
            SENDS[way](req, Buffer.alloc(size))
          })
          found.add(order.join(', '))
        }
        agent.destroy()
        log(way, size, framed ? 'length' : 'chunked', [...found].sort())
      }
}

/** Listens in another thread, which answers while this one is busy. */
async function listenInWorker(answer, early, after) {
  const { Worker } = require('node:worker_threads')
  const code = `
    const answer = (${answer})
    const early = ${early}
    const server = require('node:http').createServer(answer).listen(0, '127.0.0.1', () =>
      require('node:worker_threads').parentPort.postMessage(server.address().port))`
  const worker = new Worker(code, { eval: true })
  after(() => worker.terminate())
  return new Promise((resolve) => worker.once('message', resolve))
}

// One after the other: on a busy machine all of them together exceed ava's time for a test.
for (const early of [false, true])
  for (const far of [false, true])
    for (const kept of [false, true])
      test.serial(
        `a request is finished before its ${early ? 'early ' : ''}response: ${kept ? 'kept' : 'new'} connections to ${far ? 'another' : 'the same'} thread`,
        parity((http, log, tools) => orders(http, log, tools, { early, far, kept })),
      )

/** The outcome of an end that is called too late, or after which a destroy follows. */
const ENDS = {
  'a body of known length, destroyed, end': (_req, res, logCallback) => {
    res.writeHead(200, { 'Content-Length': 2 }).write('ab')
    res.destroy()
    res.end(logCallback('end'))
  },
  'a body of known length, request destroyed, end later': (req, res, logCallback) => {
    res.writeHead(200, { 'Content-Length': 2 }).write('ab')
    req.destroy()
    res.on('close', () => setImmediate(() => res.end(logCallback('end'))))
  },
  'a chunked body, destroyed, end': (_req, res, logCallback) => {
    res.write('ab')
    res.destroy()
    res.end(logCallback('end'))
  },
  'a head without a body, socket destroyed, end later': (req, res, logCallback) => {
    res.writeHead(204).flushHeaders()
    req.socket.destroy()
    res.on('close', () => setImmediate(() => res.end(logCallback('end'))))
  },
  'destroyed, end with a body': (_req, res, logCallback) => {
    res.destroy()
    res.end('x', logCallback('end'))
  },
  'destroyed, ended twice': (_req, res, logCallback) => {
    res.destroy()
    res.end(logCallback('first end'))
    res.end(logCallback('second end'))
  },
  'a long body ended, destroyed, ended again': (_req, res, logCallback) => {
    res.end(Buffer.alloc(30_000_000), logCallback('first end'))
    setImmediate(() => {
      res.destroy()
      res.end(logCallback('second end'))
    })
  },
}

for (const [name, act] of Object.entries(ENDS)) {
  on24(
    `${name}: whoever waits`,
    parity(async (http, log, { connect, listen }) => {
      const server = http.createServer((req, res) => {
        for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => log('response', event))
        req
          .on('error', () => {})
          .on('close', () => log('request close'))
          .on('close', () => server.emit('closed'))
        act(req, res, (what) => (error) => log(what, error?.code))
      })
      const closed = new Promise((resolve) => server.on('closed', resolve))
      const client = await connect(await listen(server))
      client.socket.pause()
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await closed
      for (let i = 0; i < 5; i++) await new Promise(setImmediate)
    }),
  )
}

/** A request that is ended, and destroyed so many ticks after it was made, before its name is known. */
for (const [how, lookup] of Object.entries({
  late: (_host, { all }, callback) =>
    setImmediate(callback, null, all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4),
  fails: (_host, _options, callback) =>
    process.nextTick(callback, Object.assign(new Error('not found'), { code: 'ENOTFOUND' })),
}))
  on24(
    `a request that is destroyed while its name is looked up, which ${how}: whoever waits`,
    parity(async (http, log) => {
      for (const keepAlive of [false, true])
        for (const late of [false, true])
          for (let ticks = 0; ticks < 7; ticks++) {
            const events = []
            const agent = new http.Agent({ keepAlive })
            const req = http.request({ host: 'a.test', port: 9, agent, lookup })
            for (const event of ['socket', 'error', 'finish', 'abort'])
              req.on(event, (error) => events.push([event, error?.code]))
            const closed = new Promise((resolve) =>
              req.on('close', () => {
                events.push('close')
                // The lookup ends in the next turn, and nothing may follow it.
                setImmediate(() => setImmediate(() => setImmediate(resolve)))
              }),
            )
            const end = () => req.end((error) => events.push(['end', error?.code]))
            if (late) process.nextTick(() => process.nextTick(end))
            else end()
            let left = ticks
            const step = () => {
              if (left-- > 0) process.nextTick(step)
              else req.destroy(Object.assign(new Error('boom'), { code: 'BOOM' }))
            }
            step()
            await closed
            log(keepAlive, late, ticks, events)
          }
    }),
  )

test(
  'ticks of a ‘finish’ listener run after the response’s ‘close’',
  parity(async (http, log, { listen }) => {
    const closed = new Promise((resolve) => {
      const server = http.createServer((_req, res) => {
        res.on('finish', () => process.nextTick(log, 'tick'))
        res.on('close', () => {
          log('close')
          setImmediate(resolve)
        })
        res.end('x')
      })
      listen(server).then((port) => http.get({ port, host: '127.0.0.1', agent: false }, (res) => res.resume()))
    })
    await closed
  }),
)

test(
  'no response finishes between the requests of one read',
  parity(async (http, log, { listen, connect }) => {
    const events = []
    const left = new Set(['/1', '/2', '/3'])
    let over
    const finished = new Promise((resolve) => (over = resolve))
    const server = http.createServer((req, res) => {
      events.push(req.url)
      res.end('x')
      res.on('finish', () => {
        events.push(`${req.url} finished`)
        if (left.delete(req.url) && left.size === 0) over()
      })
      // Longer than answers wait for each other.
      const until = performance.now() + 2
      while (performance.now() < until);
    })
    const client = await connect(await listen(server))
    await client.write([...left].map((url) => `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    await finished
    log(events.slice(0, 3))
  }),
)
