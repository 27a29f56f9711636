'use strict'
// The order of the events of request, response, socket and server.
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const REQUEST_EVENTS = ['aborted', 'close', 'end', 'error', 'resume']
const RESPONSE_EVENTS = ['close', 'drain', 'error', 'finish', 'pipe', 'prefinish', 'unpipe']

/**
 * A parity test that records the events of the handler's objects: `watch(req, res)`. The client runs in another thread, so the bytes
 * that it receives (`received`) are recorded apart from the server's events. 'finish' waits for the kernel on an I/O thread and may
 * come later than in Node, where the write is often over at once. Therefore the events of each object are compared, and the order
 * between objects is compared only with `together`.
 */
function ordered(title, script, { together = false, ...options } = {}) {
  on24(
    title,
    parity(async (http, log, tools) => {
      const lists = new Map()
      const into =
        (name) =>
        (...values) => {
          const list = together && name !== 'client' ? 'server' : name
          if (!lists.has(list)) lists.set(list, [])
          lists.get(list).push(values)
        }
      let count = 0
      const closings = []
      const watch = (req, res) => {
        count++
        res.setMaxListeners(20)
        for (const [object, name, events] of [
          [req, `req ${count}`, REQUEST_EVENTS],
          [res, `res ${count}`, RESPONSE_EVENTS],
        ])
          for (const event of events)
            object.on(event, (error) => into(name)(name, event, ...(event === 'error' ? [error] : [])))
        for (const object of [req, res]) closings.push(new Promise((resolve) => object.on('close', resolve)))
      }
      const settled = async () => {
        await Promise.all(closings)
        await new Promise(setImmediate)
      }
      await script(http, into('program'), { ...tools, watch, settled, received: into('client'), into })
      for (const name of [...lists.keys()].sort()) for (const entry of lists.get(name)) log(...entry)
    }, options),
  )
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const KEPT = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'

ordered('GET answered at once', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    log('handler')
    res.end('ok', () => log('end callback'))
    log('handler returns', res.writableEnded, res.writableFinished, req.complete)
  })
  received(await raw(await listen(server), GET))
  await settled()
})

ordered('GET answered later', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    setImmediate(() => {
      log('immediate', req.complete)
      res.write('a', () => log('write callback'))
      setImmediate(() => res.end('b', () => log('end callback')))
    })
  })
  received(await raw(await listen(server), GET))
  await settled()
})

ordered('GET whose request is read', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.resume()
    req.on('end', () => res.end('ok'))
  })
  received(await raw(await listen(server), GET))
  await settled()
})

ordered('POST read, then answered', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.on('data', (chunk) => log('data', chunk))
    req.on('end', () => {
      log('complete', req.complete)
      res.end('ok')
    })
  })
  received(await raw(await listen(server), POST))
  await settled()
})

ordered('POST answered without being read', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    res.end('ok')
  })
  received(await raw(await listen(server), POST))
  await settled()
})

ordered(
  'POST answered early, its body coming later',
  async (http, log, { listen, connect, received, watch, settled }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      res.end('early')
    })
    const client = await connect(await listen(server))
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    received((await client.readResponse()).body)
    await client.write('hello')
    await client.write(GET)
    received((await client.readResponse()).body)
    await settled()
  },
)

ordered('chunked POST with trailers', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.on('data', (chunk) => log('data', chunk))
    req.on('end', () => {
      log(req.trailers, req.rawTrailers, req.trailersDistinct)
      res.end('ok')
    })
  })
  const port = await listen(server)
  log(
    await raw(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
    ),
  )
  await settled()
})

ordered('HEAD, 204 and 304', async (http, log, { listen, connect, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    res.statusCode = Number(req.url.slice(1))
    res.write('dropped', () => log('write callback'))
    res.end('dropped', () => log('end callback'))
  })
  const client = await connect(await listen(server))
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ]) {
    await client.write(`${method} /${status} HTTP/1.1\r\nHost: a\r\n\r\n`)
    received((await client.readResponse({ bodyless: true })).head)
  }
  await settled()
})

ordered('keep-alive', async (http, log, { listen, connect, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.resume()
    res.end('ok')
  })
  const client = await connect(await listen(server))
  for (let i = 0; i < 3; i++) {
    await client.write(KEPT)
    await client.readResponse()
    await settled()
  }
})

ordered('pipelining, answered in the wrong order', async (http, log, { listen, connect, received, watch, settled }) => {
  const waiting = []
  const server = http.createServer((req, res) => {
    watch(req, res)
    log('request', req.url, res.socket === null, req.socket !== null)
    res.on('socket', () => log('socket', req.url))
    waiting.push(res)
    if (waiting.length === 3) {
      waiting[2].end('third')
      waiting[1].write('second')
      waiting[1].end()
      setImmediate(() => waiting[0].end('first'))
    }
  })
  const client = await connect(await listen(server))
  await client.write(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  for (let i = 0; i < 3; i++) received((await client.readResponse()).body)
  await settled()
})

ordered('req.destroy in the handler', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.destroy()
    log(req.destroyed, req.aborted, res.destroyed)
  })
  received(await raw(await listen(server), POST))
  await settled()
})

ordered('req.destroy with an error', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.destroy(new Error('on purpose'))
  })
  received(await raw(await listen(server), POST))
  await settled()
})

ordered('res.destroy in the handler', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    res.destroy()
    log(req.destroyed, res.destroyed, res.closed, res.errored)
  })
  received(await raw(await listen(server), GET))
  await settled()
})

ordered(
  'res.destroy with an error, after a part of the body',
  async (http, log, { listen, raw, received, watch, settled }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      res.write('part', () => {
        res.destroy(new Error('on purpose'))
        log(res.errored)
      })
    })
    received((await raw(await listen(server), GET)).endsWith('part\r\n'))
    await settled()
  },
)

ordered('socket.destroy in the handler', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.socket.on('close', (hadError) => log('socket close', hadError))
    req.socket.destroy()
    log(req.destroyed, res.destroyed, req.aborted)
    log(res.write('lost'), res.end() === res)
  })
  received(await raw(await listen(server), GET))
  await settled()
})

ordered(
  'a peer that disconnects before the answer',
  async (http, log, { listen, connect, received, watch, settled, until }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      server.emit('waiting', req, res)
    })
    const port = await listen(server)
    const waiting = until(server, 'waiting')
    const client = await connect(port)
    await client.write(KEPT)
    const [req, res] = await waiting
    client.socket.destroy()
    await settled()
    log(req.aborted, req.destroyed, res.destroyed, res.writableFinished, req.socket.destroyed)
    log(res.write('x'), res.end('y') === res)
  },
)

ordered(
  'a peer that resets before the answer',
  async (http, log, { listen, connect, received, watch, settled, until }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      server.emit('waiting')
    })
    const port = await listen(server)
    const waiting = until(server, 'waiting')
    const client = await connect(port)
    await client.write(KEPT)
    await waiting
    client.reset()
    await settled()
  },
)

ordered(
  'a peer that disconnects within its request',
  async (http, log, { listen, connect, received, watch, settled, until }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      req.on('data', (chunk) => {
        log('data', chunk)
        server.emit('waiting')
      })
    })
    const port = await listen(server)
    const waiting = until(server, 'waiting')
    const client = await connect(port)
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello')
    await waiting
    client.end()
    received(await client.readToEnd())
    await settled()
  },
)

ordered(
  'a peer that disconnects while it is answered',
  async (http, log, { listen, connect, received, watch, settled }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      res.write('first part')
    })
    const client = await connect(await listen(server))
    await client.write(KEPT)
    await client.readUntil('first part')
    client.reset()
    await settled()
  },
)

ordered(
  'a peer that disconnects after its answer',
  async (http, log, { listen, connect, received, watch, settled, until }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      req.socket.on('close', (hadError) => log('socket close', hadError))
      req.socket.on('end', () => log('socket end'))
      res.end('ok')
    })
    const port = await listen(server)
    const connected = until(server, 'connection')
    const client = await connect(port)
    const [socket] = await connected
    await client.write(KEPT)
    received((await client.readResponse()).body)
    await settled()
    const closed = until(socket, 'close')
    client.end()
    await closed
  },
)

ordered('a peer that ends its side and waits', async (http, log, { listen, connect, received, watch, settled }) => {
  for (const half of [false, true]) {
    const server = http.createServer((req, res) => {
      watch(req, res)
      if (half) req.socket.on('end', () => setImmediate(() => res.end('answer')))
    })
    server.httpAllowHalfOpen = half
    const client = await connect(await listen(server))
    await client.write(KEPT)
    client.end()
    received(half, (await client.readToEnd()).split('\r\n\r\n')[1])
    await settled()
  }
})

ordered('Expect: 100-continue', async (http, log, { listen, connect, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.on('data', (chunk) => log('data', chunk))
    req.on('end', () => res.end('ok'))
  })
  const client = await connect(await listen(server))
  await client.write(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
  )
  received((await client.readResponse()).status)
  await client.write('hello')
  received((await client.readResponse()).body)
  await settled()
})

ordered('back-pressure and drain', async (http, log, { listen, connect, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    const part = Buffer.alloc(1024 * 1024, 'x')
    let written = 0
    const more = () => {
      while (written < 20) {
        written++
        if (!res.write(part)) return
      }
      res.end()
    }
    res.on('drain', more)
    more()
    log(res.writableNeedDrain)
  })
  const client = await connect(await listen(server))
  await client.write(GET)
  received((await client.readResponse()).body.length)
  await settled()
})

ordered('pipe into the response', async (http, log, { listen, raw, received, watch, settled }) => {
  const { Readable } = require('node:stream')
  const server = http.createServer((req, res) => {
    watch(req, res)
    Readable.from(['a', 'b', 'c']).pipe(res)
  })
  received(await raw(await listen(server), GET))
  await settled()
})

ordered('the request piped into the response', async (http, log, { listen, raw, received, watch, settled }) => {
  const server = http.createServer((req, res) => {
    watch(req, res)
    req.pipe(res)
  })
  received(await raw(await listen(server), POST))
  await settled()
})

ordered('stream.pipeline and finished', async (http, log, { listen, raw, received, into, watch, settled }) => {
  const { finished, pipeline } = require('node:stream')
  const server = http.createServer((req, res) => {
    watch(req, res)
    finished(req, (error) => into('finished req')(error))
    finished(res, (error) => into('finished res')(error))
    pipeline(req, res, (error) => into('pipeline')('pipeline', error))
  })
  received(await raw(await listen(server), POST))
  await settled()
})

ordered(
  'ticks, microtasks and timers around a handler',
  async (http, log, { listen, raw, received, watch, settled }) => {
    const server = http.createServer((req, res) => {
      watch(req, res)
      process.nextTick(() => log('tick'))
      Promise.resolve().then(() => log('microtask'))
      queueMicrotask(() => process.nextTick(() => log('tick of a microtask')))
      setImmediate(() => {
        log('immediate')
        res.end('ok')
      })
    })
    received(await raw(await listen(server), GET))
    await settled()
  },
)
