'use strict'
// `httpValidation` decides how strictly field values are read: 'strict', 'relaxed', or those that `insecureHTTPParser` accepts.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const FIELDS = {
  'a control character': 'X: a\x01b\x7f',
  'a NUL': 'X: a\0b',
  'a control character after a connection option': 'Connection: close\x01',
  'a control character after a coding': 'Transfer-Encoding: chunked\x01',
  'a control character in a length': 'Content-Length: 1\x01',
  'a fold': 'X: a\r\n b',
  'a bare LF': 'X: a\nY: b',
}
// The parser of older ones reads a NUL in relaxed mode for ever.
if (process.versions.llhttp < '9.4.4') delete FIELDS['a NUL']

const MODES = ['strict', 'relaxed', 'insecure', undefined]

for (const [title, field] of Object.entries(FIELDS)) {
  on24(
    `a server: ${title}`,
    parity(async (http, log, { listen, connect }) => {
      for (const httpValidation of MODES) {
        const server = http.createServer({ httpValidation }, (request, response) => {
          log(httpValidation, request.rawHeaders)
          request.on('error', () => {}).resume()
          response.sendDate = false
          response.end()
        })
        server.on('clientError', ({ code, bytesParsed }, socket) => {
          log(httpValidation, code, bytesParsed)
          socket.destroy()
        })
        const client = await connect(await listen(server))
        client.socket.end(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`, 'latin1')
        await client.closed
      }
    }),
  )
  for (const road of ['native', 'compatible']) {
    on24(
      `a client, ${road}: ${title}`,
      parity(
        async (http, log, { listen }) => {
          const server = net.createServer((socket) => {
            socket
              .on('error', () => {})
              .once('data', () => socket.end(`HTTP/1.1 204 None\r\n${field}\r\n\r\n`, 'latin1'))
          })
          const port = await listen(server)
          for (const httpValidation of MODES) {
            const options = { host: '127.0.0.1', port, httpValidation, agent: false }
            if (road === 'compatible') options.createConnection = () => net.connect(port, '127.0.0.1')
            const request = http.get(options)
            request.on('response', (response) => log(httpValidation, response.resume().rawHeaders))
            request.on('error', ({ code, bytesParsed }) => log(httpValidation, code, bytesParsed))
            await new Promise((resolve) => request.on('close', resolve))
          }
        },
        { nativeOnly: true },
      ),
    )
  }
}

on24(
  'what the option may be',
  parity(async (http, log) => {
    const attempts = [
      () => http.createServer({ httpValidation: 'lax' }),
      () => http.createServer({ httpValidation: 1 }),
      () => http.createServer({ httpValidation: 'strict', insecureHTTPParser: true }),
      () => http.request({ httpValidation: 'lax' }),
      () => http.request({ httpValidation: 'relaxed', insecureHTTPParser: false }),
    ]
    for (const attempt of attempts) {
      try {
        attempt()
        log('taken')
      } catch ({ code, name, message }) {
        log(code, name, message)
      }
    }
    log(http.createServer({ httpValidation: 'relaxed' }).httpValidation)
  }),
)
