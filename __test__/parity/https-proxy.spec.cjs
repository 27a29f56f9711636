'use strict'
// https by way of a proxy: Node's documentation, "Built-in Proxy Support".
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const options = { module: 'https', nativeOnly: true }

on24(
  'a tunnel, and requests that need none',
  parity(async (https, log, { listen, until, after }) => {
    const net = require('node:net')
    const http = require('node:http')
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key }, (req, res) => res.end(req.url))
    const port = await listen(server)
    const proxy = http.createServer()
    proxy.on('connect', (req, socket, head) => {
      log(
        'CONNECT',
        req.url.replace(port, '<port>'),
        Object.keys(req.headers),
        req.headers['proxy-authorization'] ?? null,
      )
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      const upstream = net.connect(port, '127.0.0.1').on('error', () => {})
      upstream.write(head)
      socket
        .pipe(upstream)
        .pipe(socket)
        .on('error', () => {})
    })
    proxy.listen(0, '127.0.0.1')
    await until(proxy, 'listening')
    after(() => proxy.close())
    const ask = async (agent, given) => {
      const request = https.get({ port, host: 'localhost', family: 4, path: '/a', agent, ...given })
      const [response] = await until(request, 'response')
      log(response.statusCode, request.reusedSocket, response.socket.authorized, request.path)
      response.resume()
      await until(response, 'end')
      await new Promise(setImmediate)
    }
    const url = (user = '') => `http://${user}127.0.0.1:${proxy.address().port}`
    for (const [env, given] of [
      [{ HTTPS_PROXY: url() }, { keepAlive: true }],
      [{ https_proxy: url('u:p@') }, {}],
      [{ HTTPS_PROXY: url(), NO_PROXY: 'localhost' }, {}],
      [{ HTTP_PROXY: url() }, {}],
    ]) {
      const agent = new https.Agent({ ca: cert, proxyEnv: env, ...given })
      after(() => agent.destroy())
      await ask(agent)
      await ask(agent)
    }
  }, options),
)

on24(
  'proxies that make no tunnel',
  parity(async (https, log, { until, after }) => {
    const net = require('node:net')
    const answers = [
      'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n',
      'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n',
      'nothing of the kind\r\n\r\n',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`,
      'HTTP/1.1 200 OK\r\nX: y',
      'HTTP/1.1 200 OK\r\n\r\n',
      '',
    ]
    for (const answer of answers) {
      const proxy = net.createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end(answer))
      })
      proxy.listen(0, '127.0.0.1')
      await until(proxy, 'listening')
      after(() => proxy.close())
      const url = `http://127.0.0.1:${proxy.address().port}`
      const agent = new https.Agent({ proxyEnv: { HTTPS_PROXY: url } })
      const request = https.get({ port: 1, host: 'a.test', agent })
      request.on('error', (error) => {
        log(error.name, error.code, error.message.replace(url, '<url>'), error.statusCode ?? null)
      })
      await new Promise((resolve) => request.on('close', resolve))
    }
  }, options),
)
