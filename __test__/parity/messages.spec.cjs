'use strict'
// Members of requests and responses that need a server. The others are in __test__/api/.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

test(
  'all public members of a request',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      for (const name of [
        'method',
        'url',
        'httpVersion',
        'httpVersionMajor',
        'httpVersionMinor',
        'headers',
        'rawHeaders',
        'headersDistinct',
        'trailers',
        'rawTrailers',
        'trailersDistinct',
        'complete',
        'aborted',
        'upgrade',
        'statusCode',
        'statusMessage',
        'destroyed',
        'readable',
        'readableEnded',
        'readableFlowing',
        'readableLength',
        'readableObjectMode',
        'closed',
        'joinDuplicateHeaders',
        '_consuming',
        '_dumped',
        'errored',
        'readableAborted',
        'readableDidRead',
      ])
        log(name, req[name])
      res.end()
    })
    const port = await listen(server)
    await raw(
      port,
      'GET /path?query=1#x HTTP/1.1\r\nHost: a\r\nX-Mixed: Case\r\nx-mixed: again\r\nConnection: close\r\n\r\n',
    )
    await raw(port, 'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc')
    await raw(port, 'GET http://b/abs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await raw(port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  }),
)

on24(
  'all public members of a response, at every stage',
  parity(async (http, log, { listen, raw, until }) => {
    const server = http.createServer((_req, res) => {
      const describe = (stage) => {
        log(stage)
        for (const name of [
          'statusCode',
          'statusMessage',
          'headersSent',
          'finished',
          'writable',
          'writableEnded',
          'writableFinished',
          'writableCorked',
          'writableObjectMode',
          'writableHighWaterMark',
          'writableNeedDrain',
          'destroyed',
          'closed',
          'errored',
          'sendDate',
          'chunkedEncoding',
          'shouldKeepAlive',
          'useChunkedEncodingByDefault',
          '_hasBody',
          '_header',
          '_last',
          'strictContentLength',
          'maxRequestsOnConnectionReached',
          '_sent100',
          '_expect_continue',
          '_keepAliveTimeout',
        ])
          log(name, res[name])
        log(res.socket !== null, res.req === _req)
      }
      describe('new')
      res.sendDate = false
      res.write('x')
      describe('written')
      res.end('y')
      describe('ended')
      res.on('close', () => {
        describe('closed')
        server.emit('done')
      })
    })
    const port = await listen(server)
    const done = until(server, 'done')
    await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await done
  }),
)

on24(
  'interim responses',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((_req, res) => {
      res.sendDate = false
      res.writeContinue()
      res.writeProcessing()
      res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style', 'x-trace': '1' })
      res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload; as=script'] })
      res.writeEarlyHints({})
      for (const hints of [{ link: 'bad' }, 'text', { link: 5 }, { link: '</a>; rel=preload', 'x\n': '1' }]) {
        try {
          log(hints, res.writeEarlyHints(hints))
        } catch (error) {
          log(hints, error)
        }
      }
      res.end('body')
      for (const method of ['writeContinue', 'writeProcessing']) {
        try {
          res[method]()
          log(method)
        } catch (error) {
          log(method, error)
        }
      }
    })
    log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

on24(
  'bodies in every form',
  parity(async (http, log, { listen, raw }) => {
    const bodies = [
      ['text', undefined],
      ['h\u00e9llo \u20ac', 'utf8'],
      ['h\u00e9llo', 'latin1'],
      ['68656c6c6f', 'hex'],
      ['aGVsbG8=', 'base64'],
      ['hi', 'utf16le'],
      [Buffer.from('buffer'), undefined],
      [new Uint8Array([65, 66, 67]), undefined],
      [new Uint8Array(new Uint8Array([1, 65, 66, 2]).buffer, 1, 2), undefined],
      ['', undefined],
      [Buffer.alloc(0), undefined],
      ['x'.repeat(40_000), undefined],
      [Buffer.alloc(40_000, 'y'), undefined],
      ['\u00e9'.repeat(30_000), 'utf8'],
    ]
    const server = http.createServer((req, res) => {
      res.sendDate = false
      const [, index, method] = req.url.split('/')
      const [body, encoding] = bodies[index]
      if (method === 'end') res.end(body, encoding)
      else {
        res.write(body, encoding)
        res.write(body, encoding)
        res.end()
      }
    })
    const port = await listen(server)
    for (const index of bodies.keys())
      for (const method of ['end', 'write'])
        log(await raw(port, `GET /${index}/${method} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`))
  }),
)

on24(
  'errors of write and end',
  parity(async (http, log, { listen, raw, until }) => {
    // 'finish', and with it the first callback of end(), waits for an I/O thread.
    const callbacks = { write: [], end: [] }
    const server = http.createServer((_req, res) => {
      res.on('error', (error) => log('error', error))
      for (const chunk of [null, undefined, 5, true, {}, [], new Map()]) {
        try {
          log(res.write(chunk))
        } catch (error) {
          log(error)
        }
      }
      for (const status of [99, 1000, 'abc', NaN, -1, 0, undefined]) {
        try {
          res.writeHead(status)
        } catch (error) {
          log(error)
        }
      }
      res.end('ok')
      for (const act of [
        () => res.setHeader('a', 'b'),
        () => res.removeHeader('a'),
        () => res.appendHeader('a', 'b'),
        () => res.writeHead(200),
      ]) {
        try {
          act()
        } catch (error) {
          log(error)
        }
      }
      log(res.write('late', (error) => callbacks.write.push(error)))
      res.end((error) => callbacks.end.push(error))
      res.end('later', (error) => callbacks.end.push(error))
      res.on('close', () => {
        res.end((error) => {
          callbacks.end.push(error)
          server.emit('done')
        })
      })
    })
    const done = until(server, 'done')
    const answer = await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await done
    log(callbacks)
    log(answer)
  }),
)

test(
  'strictContentLength',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((req, res) => {
      res.strictContentLength = true
      res.setHeader('content-length', 5)
      const attempts = {
        '/exact': () => res.end('hello'),
        '/short': () => res.end('hell'),
        '/long': () => res.end('hello!'),
        '/parts': () => {
          res.write('hel')
          res.write('lo!')
        },
      }
      try {
        attempts[req.url]()
        log(req.url, 'taken')
      } catch (error) {
        log(req.url, error)
        res.destroy()
      }
    })
    const port = await listen(server)
    for (const path of ['/exact', '/short', '/long', '/parts']) {
      const client = await connect(port)
      await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      await client.readToEnd()
    }
  }),
)

test(
  'setHeaders, appendHeader and the rest on the wire',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((_req, res) => {
      res.sendDate = false
      res.setHeaders(new Headers({ 'x-a': '1', 'x-b': '2' }))
      res.setHeaders(
        new Map([
          ['X-C', ['3', '4']],
          ['set-cookie', ['a=1', 'b=2']],
        ]),
      )
      res.appendHeader('X-A', 'again').appendHeader('x-new', ['p', 'q'])
      log(res.getHeaders(), res.getHeaderNames(), res.getRawHeaderNames(), res.getHeader('X-a'), res.hasHeader('x-B'))
      res.removeHeader('x-b')
      res.writeHead(201, 'Made', { 'x-d': 'e' })
      res.addTrailers({ 'x-t': 'u' })
      res.write('body')
      res.end()
    })
    log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

on24(
  'cork and uncork',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((_req, res) => {
      res.sendDate = false
      res.cork()
      log(res.writableCorked)
      res.write('a')
      res.write('b')
      res.cork()
      res.uncork()
      res.write('c')
      log(res.writableCorked)
      res.uncork()
      log(res.writableCorked)
      res.write('d')
      res.end('e')
    })
    log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

test(
  'flushHeaders',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((_req, res) => {
      res.sendDate = false
      res.setHeader('x-early', '1')
      res.flushHeaders()
      log(res.headersSent)
      server.emit('flushed', res)
    })
    const port = await listen(server)
    const flushed = until(server, 'flushed')
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log(await client.readUntil('\r\n\r\n'))
    const [res] = await flushed
    res.end('later')
    log(await client.readToEnd())
  }),
)

test(
  'a request as an async iterable, as a web stream, with an encoding',
  parity(async (http, log, { listen, raw }) => {
    const { Readable } = require('node:stream')
    const server = http.createServer(async (req, res) => {
      let text = ''
      if (req.url === '/web') {
        for await (const part of Readable.toWeb(req)) text += Buffer.from(part).toString()
      } else if (req.url === '/encoding') {
        for await (const part of req.setEncoding('hex')) text += part
      } else {
        for await (const part of req) text += part
      }
      log(req.url, text, req.destroyed, req.readableEnded, req.complete)
      res.end(text)
    })
    const port = await listen(server)
    for (const path of ['/', '/web', '/encoding'])
      log(
        (
          await raw(port, `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello`)
        ).split('\r\n\r\n')[1],
      )
  }),
)

test(
  'req.setTimeout and res.setTimeout answer the message',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      log(
        req.setTimeout(1000) === req,
        res.setTimeout(1000, () => {}) === res,
        req.socket.timeout,
        res.listenerCount('timeout'),
      )
      res.end()
    })
    await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  }),
)

on24(
  'diagnostics channels',
  parity(
    async (http, log, { listen, raw, after, until }) => {
      const { subscribe, unsubscribe } = require('node:diagnostics_channel')
      const server = http.createServer((_req, res) => {
        log('handler')
        res.end('ok')
      })
      for (const name of ['http.server.request.start', 'http.server.response.created', 'http.server.response.finish']) {
        const listener = (message) => {
          const { socket } = message
          if (message.server !== undefined && message.server !== server) return
          log(name, Object.keys(message), message.request?.method, message.response?.statusCode, socket !== null)
          if (name.endsWith('finish')) server.emit('callbacks')
        }
        subscribe(name, listener)
        after(() => unsubscribe(name, listener))
      }
      const callbacks = until(server, 'callbacks')
      await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      await callbacks
    },
    { isolated: true },
  ),
)

test(
  'bytes of earlier pipelined responses do not count for a response',
  parity(async (http, log, { listen, raw }) => {
    const accepted = []
    const server = http.createServer({ highWaterMark: 65536 }, (_req, res) => {
      res.setHeader('Content-Length', 40_000)
      accepted.push(res.write('x'.repeat(40_000)))
      res.end()
    })
    const last = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const received = await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3) + last)
    log(received.length > 160_000, accepted)
  }),
)
