'use strict'
// Programs that observe, delay or replace the writes of a connection get all of its bytes, as in Node.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** The bytes that a peer receives until its connection is closed. */
async function exchange({ connect }, port, request) {
  const client = await connect(port)
  await client.write(request)
  await client.closed
  return undated(client.received).replace(/(.)\1{99,}/gs, (run, one) => `<${run.length} ${one}>`)
}

function undated(text) {
  return text.replace(/Date: .*\r\n/g, '')
}

/** Handlers whose answers are watched. */
const ANSWERS = {
  end: (res) => res.end('whole'),
  'write, end': (res) => {
    res.write('one,')
    res.end('two')
  },
  'write, later end': (res) => {
    res.write('one,')
    setImmediate(() => res.end('two'))
  },
  'a length': (res) => {
    res.setHeader('Content-Length', 6)
    res.write('abc')
    res.end('def')
  },
  'interim, trailers': (res) => {
    res.writeProcessing()
    res.setHeader('Trailer', 'X')
    res.write('body')
    res.addTrailers({ X: 'y' })
    res.end()
  },
  'no body': (res) => {
    res.statusCode = 204
    res.end()
  },
}

for (const [name, answer] of Object.entries(ANSWERS)) {
  test(
    `${name}: a socket whose write() the program has replaced`,
    parity(async (http, log, tools) => {
      let written = ''
      const server = http.createServer((_req, res) => answer(res))
      server.on('connection', (socket) => {
        const { write } = socket
        socket.write = function (chunk, ...rest) {
          written += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
          return write.call(this, chunk, ...rest)
        }
      })
      const port = await tools.listen(server)
      const received = await exchange(tools, port, GET)
      log(received)
      log(undated(written) === received)
    }),
  )

  test(
    `${name}: a socket that the program corks`,
    parity(async (http, log, tools) => {
      const port = await tools.listen(
        http.createServer((req, res) => {
          req.socket.cork()
          answer(res)
          setImmediate(() => req.socket.uncork())
        }),
      )
      log(await exchange(tools, port, GET))
    }),
  )
}

test(
  'write() of all sockets replaced',
  parity(
    async (http, log, tools) => {
      const { Socket } = require('node:net')
      const port = await tools.listen(http.createServer((_req, res) => res.end('seen')))
      let written = ''
      const { write } = Socket.prototype
      Socket.prototype.write = function (chunk, ...rest) {
        if (String(chunk).startsWith('HTTP/1.1 200')) written += chunk
        return write.call(this, chunk, ...rest)
      }
      const received = await new Promise((resolve, reject) => {
        let text = ''
        require('node:net')
          .connect(port, '127.0.0.1')
          .on('data', (data) => {
            text += data
          })
          .on('error', reject)
          .on('close', () => resolve(text))
          .write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      })
      log(received)
      log(written === received)
    },
    { isolated: true },
  ),
)

test(
  'a request on a socket whose write() the program has replaced',
  parity(async (http, log, tools) => {
    const port = await tools.listen(
      http.createServer((req, res) => {
        let body = ''
        req.on('data', (part) => {
          body += part
        })
        req.on('end', () => res.end(`${req.method} ${body}`))
      }),
    )
    let written = ''
    class Recording extends http.Agent {
      createConnection(...given) {
        const socket = super.createConnection(...given)
        const { write } = socket
        socket.write = function (chunk, ...rest) {
          written += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
          return write.call(this, chunk, ...rest)
        }
        return socket
      }
    }
    const agent = new Recording({ keepAlive: true, maxSockets: 1 })
    tools.after(() => agent.destroy())
    for (const headers of [{}, { 'Content-Length': 6 }]) {
      const text = await new Promise((resolve, reject) => {
        const req = http.request({ port, agent, method: 'POST', headers }, (res) => {
          let body = ''
          res.on('data', (part) => {
            body += part
          })
          res.on('end', () => resolve(body))
        })
        req.on('error', reject)
        req.write('abc')
        req.end('def')
      })
      log(text, written.replace(/\r\n[0-9a-f]\r\n/g, '|').includes('abc'), /^POST \/ HTTP\/1\.1\r\n/.test(written))
    }
  }),
)
