'use strict'
// One application by HTTP and by HTTPS, the latter also by a server with HTTP/2, with one request by each:
// `both-protocols.cjs (express | express4)`. A program of its own; prints the answers. TLS uses a shared key (RFC 4279), which needs no certificate.
const http = require('node:http')
const http2 = require('node:http2')
const https = require('node:https')
const { once } = require('node:events')
const express = require(process.argv[2])

const KEY = Buffer.alloc(16, 7)
const TLS = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }

const app = express()
app.use(express.json())
app.post('/', (req, res) => {
  res.cookie('a', 'b').set('X-Scheme', req.protocol)
  res.json({
    body: req.body,
    secure: req.secure,
    host: req.hostname,
    ours: [req, res].map((message) => message instanceof classOf(message)),
  })
})

const classOf = (message) =>
  'statusMessage' in message && 'req' in message ? http.ServerResponse : http.IncomingMessage

async function ask(module, server, options) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  const headers = { Host: 'a.test', 'Content-Type': 'application/json' }
  const request = module.request({ ...options, host: '127.0.0.1', port, method: 'POST', headers, agent: false })
  request.end('{"a":1}')
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  server.close()
  return { status: response.statusCode, headers: { ...response.headers, date: '-' }, body }
}

async function main() {
  const secured = { ...TLS, pskCallback: () => KEY }
  const asking = { ...TLS, pskCallback: () => ({ psk: KEY, identity: 'a' }), checkServerIdentity: () => undefined }
  const answers = [
    await ask(http, http.createServer(app)),
    await ask(https, https.createServer(secured, app), asking),
    await ask(https, new https.Server(secured).on('request', app), asking),
    await ask(https, http2.createSecureServer({ ...secured, allowHTTP1: true }, app), asking),
    await ask(http, http.createServer(app)),
  ]
  process.stdout.write(`${JSON.stringify(answers)}\n`)
}

main()
