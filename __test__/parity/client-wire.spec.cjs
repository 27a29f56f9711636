'use strict'
// The bytes of requests: request line, fields and their order, framing by method, body and headers.
const { parity } = require('../helpers/parity.cjs')
const { rawServer } = require('./_exchange.cjs')
const on24 = require('./_on24.cjs')

/** Logs the bytes of each request. A request ends its connection, so all of its bytes are known then. */
function wire(title, requests) {
  on24(
    title,
    parity(
      async (http, log, tools) => {
        const net = require('node:net')
        const server = net.createServer()
        const port = await tools.listen(server)
        for (const { label, prepare, body = [], ...options } of requests(http)) {
          const agent = 'agent' in options ? options.agent : new http.Agent({ keepAlive: true })
          const accepted = new Promise((resolve) => server.once('connection', resolve))
          const request = http.request({ host: '127.0.0.1', port, ...options, agent })
          request.on('error', () => {})
          const ended = new Promise((resolve) => request.on('finish', resolve))
          prepare?.(request)
          for (const part of body.slice(0, -1)) request.write(part)
          request.end(body.at(-1))
          const socket = await accepted
          await ended
          request.destroy()
          let received = ''
          for await (const data of socket.setEncoding('latin1')) received += data
          log(label ?? JSON.stringify({ ...options, agent: undefined, body }), received)
        }
      },
      { nativeOnly: true },
    ),
  )
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY', 'ANYTHING']

wire('framing by method and body', () =>
  METHODS.flatMap((method) =>
    [[], ['x'], ['', ''], ['x', 'yz']].flatMap((body) => [
      { method, body },
      { method, body, headers: { 'Content-Length': Buffer.byteLength(body.join('')) } },
      { method, body, headers: { 'Transfer-Encoding': 'chunked' } },
    ]),
  ),
)

wire('fields that the program gives', () => [
  { headers: { a: 1, B: ['c', 'd'], Cookie: ['e=1', 'f=2'], host: 'elsewhere' } },
  { headers: ['Host', 'listed', 'X', 'y', 'x', 'z'] },
  {
    headers: [
      ['Host', 'pairs'],
      ['X', 'y'],
    ],
  },
  { headers: { connection: 'close' } },
  { headers: { Connection: 'keep-alive', 'Keep-Alive': 'timeout=1' } },
  { headers: { connection: 'upgrade', upgrade: 'x' } },
  { headers: { X: ['a', 'b'], Y: ['c', 'd'] }, uniqueHeaders: ['x'] },
  { headers: { 'content-disposition': 'attachment; filename="é"' }, method: 'POST', body: ['é'] },
  { headers: { date: 'today' } },
  {
    method: 'POST',
    headers: { trailer: 'x', 'transfer-encoding': 'chunked' },
    body: ['abc'],
    prepare: (request) => request.addTrailers({ x: 'y' }),
  },
])

wire('what is left out', (http) => [
  { setHost: false },
  { setDefaultHeaders: false },
  { setDefaultHeaders: false, method: 'POST', body: ['x'] },
  { setDefaultHeaders: false, setHost: true },
  { agent: null },
  { agent: false },
  { agent: new http.Agent() },
  { agent: new http.Agent({ maxSockets: 1 }) },
  ...['host', 'connection', 'content-length', 'transfer-encoding'].flatMap((name) =>
    ['GET', 'POST'].map((method) => ({
      label: `${method} without ${name}`,
      method,
      body: ['abc'],
      prepare: (request) => request.removeHeader(name),
    })),
  ),
  { label: 'no keep-alive', prepare: (request) => Object.assign(request, { shouldKeepAlive: false }) },
  {
    label: 'no chunks',
    method: 'POST',
    body: ['a', 'b'],
    prepare: (request) => Object.assign(request, { useChunkedEncodingByDefault: false }),
  },
])

wire('target and authority', () => [
  { path: '/a?b#c' },
  { path: '*', method: 'OPTIONS' },
  { path: 'http://other/x' },
  { path: '' },
  { path: '/é' },
  { method: 'post', path: '/lower' },
  { auth: 'user:pass' },
  { auth: 'user:pass', headers: { authorization: 'mine' } },
  { defaultPort: 1 },
  { label: 'a path set later', prepare: (request) => Object.assign(request, { path: '/later' }) },
  { label: 'a method set later', prepare: (request) => Object.assign(request, { method: 'PUT' }) },
])

on24(
  'requests one after another on a connection',
  parity(
    async (http, log, tools) => {
      const received = []
      const port = await rawServer(tools, (socket, request) => {
        received.push(request)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      })
      const agent = new http.Agent({ keepAlive: true })
      tools.after(() => agent.destroy())
      for (const path of ['/1', '/2', '/3']) {
        await new Promise((resolve) => {
          http.get({ host: '127.0.0.1', port, agent, path }, (response) => response.resume()).on('close', resolve)
        })
        await new Promise(setImmediate)
      }
      log(received)
    },
    { nativeOnly: true },
  ),
)
