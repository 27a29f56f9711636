'use strict'
// An agent of the program whose connections are tunnels through a proxy.
const net = require('node:net')

const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

on24(
  'requests through a tunnel that a CONNECT has made',
  parity(async (http, log, { after, listen, until }) => {
    const target = http.createServer((req, res) => {
      log('target', req.method, req.url, req.headers['x-hop'])
      req.pipe(res)
    })
    const proxy = http.createServer()
    proxy.on('connect', (req, socket) => {
      log('proxy', req.url)
      const to = net.connect(Number(req.url.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(to).pipe(socket)
      })
      to.on('error', () => socket.destroy())
      socket.on('error', () => to.destroy())
    })
    const [targetPort, proxyPort] = [await listen(target), await listen(proxy)]
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    after(() => agent.destroy())
    agent.createConnection = (options, made) => {
      const path = `${options.host}:${options.port}`
      const question = http.request({ host: '127.0.0.1', port: proxyPort, method: 'CONNECT', path, agent: false })
      question.on('connect', (res, socket, head) => {
        question.removeAllListeners()
        socket.removeAllListeners()
        log('tunnel', res.statusCode, head.length)
        made(null, socket)
      })
      question.end()
    }
    for (const body of ['one', 'x'.repeat(200_000), 'three']) {
      const req = http.request({
        host: '127.0.0.1',
        port: targetPort,
        method: 'POST',
        agent,
        headers: { 'x-hop': '1' },
      })
      req.end(body)
      const [response] = await until(req, 'response')
      let length = 0
      for await (const chunk of response) length += chunk.length
      log(response.statusCode, length, req.reusedSocket, req.socket?.parser === null)
    }
  }),
)
