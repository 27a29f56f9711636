'use strict'
// Text in every encoding that Node supports, and in some that it does not support.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** The bytes that a peer receives until its connection is closed. */
async function exchange({ connect }, port, request) {
  const client = await connect(port)
  await client.write(request)
  await client.closed
  return client.received.replace(/Date: .*\r\n/g, '').replace(/(.)\1{99,}/gs, (run, one) => `<${run.length} ${one}>`)
}

const KNOWN = [
  'utf8',
  'UTF-8',
  'utf16le',
  'ucs2',
  'UCS-2',
  'latin1',
  'binary',
  'ascii',
  'hex',
  'base64',
  'base64url',
  'Hex',
]
const UNKNOWN = ['iso-8859-1', 'utf8mb4', 'windows-1252', 'utf-32']

/** Texts that each encoding reads in its own way. */
const TEXTS = ['68c3a4', 'caf\u00e9 \u20ac', 'x'.repeat(20_000)]

/** Ways to write a text in an encoding. */
const WRITES = {
  end: (res, text, encoding) => res.end(text, encoding),
  'write, end': (res, text, encoding) => {
    res.write(text, encoding)
    res.end('!')
  },
  'with a length': (res, text, encoding) => {
    res.setHeader('Content-Length', Buffer.byteLength(text, encoding))
    res.write(text, encoding)
    res.end()
  },
  'a part of its own': (res, text, encoding) => {
    res.flushHeaders()
    res.write(text, encoding)
    setImmediate(() => res.end())
  },
}

for (const [name, write] of Object.entries(WRITES)) {
  test(
    `${name}: every encoding that Node supports`,
    parity(async (http, log, tools) => {
      let answer
      const port = await tools.listen(http.createServer((_req, res) => answer(res)))
      for (const encoding of KNOWN) {
        for (const text of TEXTS) {
          // If text is not valid in its encoding, Node announces more bytes than it sends.
          if (Buffer.from(text, encoding).length !== Buffer.byteLength(text, encoding)) continue
          answer = (res) => write(res, text, encoding)
          log(encoding, text.length, await exchange(tools, port, GET))
        }
      }
    }),
  )

  test(
    `${name}: an unknown encoding throws, and the program can still answer`,
    parity(async (http, log, tools) => {
      let answer
      const port = await tools.listen(http.createServer((_req, res) => answer(res)))
      for (const encoding of UNKNOWN) {
        answer = (res) => {
          res.setHeader('Connection', 'close')
          try {
            write(res, TEXTS[1], encoding)
          } catch (error) {
            log(encoding, error, res.headersSent, res.writableEnded)
          }
          if (!res.writableEnded) res.socket.destroy()
        }
        await exchange(tools, port, GET)
        answer = (res) => res.end('another one')
        log(await exchange(tools, port, GET))
      }
    }),
  )
}

test(
  'a request in an unknown encoding throws, and no other request gets its head',
  parity(async (http, log, tools) => {
    const seen = []
    const port = await tools.listen(
      http.createServer((req, res) => {
        const parts = []
        req.on('data', (part) => parts.push(part))
        req.on('end', () => {
          seen.push([req.url, req.headers.authorization, Buffer.concat(parts).toString('latin1')])
          res.end(req.url)
        })
      }),
    )
    const agent = new http.Agent({ keepAlive: true })
    tools.after(() => agent.destroy())
    for (const encoding of UNKNOWN) {
      const failed = http.request({
        port,
        agent,
        method: 'POST',
        path: '/failed',
        headers: { Authorization: 'failed' },
      })
      // With a connection. Without one Node notices the error when it sends the queue, outside of any call of the program.
      await new Promise((resolve, reject) => {
        failed.once('error', reject).on('socket', (socket) => socket.once('connect', resolve))
      })
      failed.on('error', () => {})
      try {
        failed.end('caf\u00e9', encoding)
      } catch (error) {
        log(encoding, error)
      }
      failed.destroy()
      await new Promise((resolve, reject) => {
        const headers = { Authorization: encoding }
        const req = http.request({ port, host: '127.0.0.1', agent, method: 'POST', path: '/good', headers }, (res) => {
          res.resume().on('end', resolve)
        })
        req.on('error', reject).end('good')
      })
    }
    log(seen.filter(([path]) => path === '/good'))
  }),
)

test(
  'a socket refuses an unknown encoding',
  parity(async (http, log, tools) => {
    const port = await tools.listen(
      http.createServer((req, res) => {
        for (const act of [
          () => req.socket.write('caf\u00e9', 'iso-8859-1'),
          () => req.socket.setDefaultEncoding('iso-8859-1'),
          () => req.socket.end('caf\u00e9', 'iso-8859-1'),
        ]) {
          try {
            act()
            log('nothing thrown')
          } catch (error) {
            log(error)
          }
        }
        res.setHeader('Connection', 'close')
        res.end('answered')
      }),
    )
    log(await exchange(tools, port, GET))
  }),
)
