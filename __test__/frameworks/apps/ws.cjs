'use strict'
// `ws.cjs FORM`: `server` is a WebSocketServer on a server that also answers requests, `no-server` calls handleUpgrade
// from its own 'upgrade' listener.
//
// Everything is echoed. The path decides how: /deflate with permessage-deflate, /bye, /terminate and /limited as their names state.
const nodeHttp = require('node:http')
const { WebSocketServer } = require('ws')
const { listening } = require('./_listening.cjs')

const MAX_PAYLOAD = 16 * 1024 * 1024

const FORMS = {
  server(http) {
    const server = http.createServer((_req, res) => res.end('not a socket'))
    const verifyClient = ({ req }, done) =>
      req.url === '/refused' ? done(false, 401, 'No', { 'X-Why': 'no' }) : done(true)
    const sockets = new WebSocketServer({
      server,
      verifyClient,
      maxPayload: MAX_PAYLOAD,
      handleProtocols: ([first]) => first,
    })
    sockets.on('headers', (headers) => headers.push('X-Extra: 1'))
    sockets.on('connection', serve)
    return listening(server.listen(0))
  },
  'no-server'(http) {
    const server = http.createServer()
    const sockets = {
      '/limited': new WebSocketServer({ noServer: true, maxPayload: 1000 }),
      '/deflate': new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD, perMessageDeflate: { threshold: 0 } }),
      '/': new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD }),
    }
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/refused') {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
        return
      }
      const chosen = sockets[request.url] ?? sockets['/']
      chosen.handleUpgrade(request, socket, head, (websocket) => serve(websocket, request))
    })
    return listening(server.listen(0))
  },
  /** Makes its server itself. */
  async port() {
    const sockets = new WebSocketServer({ port: 0, maxPayload: MAX_PAYLOAD })
    sockets.on('connection', serve)
    await new Promise((resolve) => sockets.once('listening', resolve))
    return sockets
  },
}

module.exports = (form) => ({
  explicit: (http) => FORMS[form](http),
  own: () => FORMS[form](nodeHttp),
})

function serve(websocket, request) {
  websocket.on('error', () => {})
  websocket.on('message', (data, binary) => {
    websocket.send(data, { binary })
    if (request.url === '/bye') websocket.close(4001, 'bye')
    if (request.url === '/terminate') websocket.terminate()
  })
}
