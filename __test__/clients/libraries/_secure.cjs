'use strict'
// One library over https: `_secure.cjs NAME`, with the register module. A program of its own with a server; says what the
// library got, and where the TLS of both was.
const { once } = require('node:events')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const path = require('node:path')
const { createRequire } = require('node:module')
const { pathToFileURL } = require('node:url')
const { certificates, keys } = require('../../helpers/pki.cjs')

const installed = createRequire(path.resolve(__dirname, '../../frameworks/package.json'))
const load = (name) => import(pathToFileURL(installed.resolve(name)))
const ca = certificates.root
const own = { key: keys.client, cert: certificates.client }
const BODY = 'x'.repeat(300_000)

const server = https.createServer(
  { key: keys.leaf, cert: certificates.direct, ca, requestCert: true, rejectUnauthorized: false },
  async (req, res) => {
    let text = ''
    for await (const part of req.setEncoding('latin1')) text += part
    res.end(`${req.method} ${req.socket.authorized} ${text}`)
  },
)

async function ask(url, options, body) {
  const request = https.request(url, options)
  request.end(body)
  const [response] = await once(request, 'response')
  return (await response.setEncoding('latin1').toArray()).join('')
}

/** Each returns the server's answers to a GET and to a POST of BODY. */
const libraries = {
  async axios(url, agent) {
    const { default: axios } = await load('axios')
    const client = axios.create({ httpsAgent: agent, proxy: false, responseType: 'text' })
    return [(await client.get(url)).data, (await client.post(url, BODY)).data]
  },
  async fetch(url) {
    // The fetch of Node, whose TLS is Node's own. Its authorities are those of the process.
    const ask = async (options) => (await fetch(url, options)).text()
    return [await ask(), await ask({ method: 'POST', body: BODY })]
  },
  async 'follow-redirects'(url, agent) {
    const { https: redirecting } = (await load('follow-redirects')).default
    const ask = async (method, body) => {
      const request = redirecting.request(url, { method, agent })
      request.end(body)
      const [response] = await once(request, 'response')
      return (await response.setEncoding('latin1').toArray()).join('')
    }
    return [await ask('GET'), await ask('POST', BODY)]
  },
  async got(url, agent) {
    const { default: got } = await load('got')
    const client = got.extend({ agent: { https: agent }, https: { certificateAuthority: ca }, retry: { limit: 0 } })
    return [(await client.get(url)).body, (await client.post(url, { body: BODY })).body]
  },
  async 'node-fetch'(url, agent) {
    const { default: ask } = await load('node-fetch')
    return [
      await (await ask(url, { agent })).text(),
      await (await ask(url, { agent, method: 'POST', body: BODY })).text(),
    ]
  },
  async 'https-proxy-agent'(url) {
    const { HttpsProxyAgent } = await load('https-proxy-agent')
    const proxy = http.createServer().on('connect', (req, client, head) => {
      const { hostname, port } = new URL(`http://${req.url}`)
      const tunnel = net.connect(port, hostname, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        tunnel.write(head)
        tunnel.pipe(client).pipe(tunnel)
      })
      tunnel.on('error', () => client.destroy())
      client.on('error', () => tunnel.destroy())
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const agent = new HttpsProxyAgent(`http://127.0.0.1:${proxy.address().port}`)
    return [await ask(url, { agent, ca, ...own }), await ask(url, { agent, ca, ...own, method: 'POST' }, BODY)]
  },
  async 'http-proxy'(url, agent) {
    const { default: httpProxy } = await load('http-proxy')
    // A server of its own, with TLS at both of its ends.
    const ssl = { key: keys.leaf, cert: certificates.direct }
    const proxy = httpProxy.createServer({ target: url, secure: true, ssl, agent })
    proxy.listen(0, '127.0.0.1')
    await once(proxy._server, 'listening')
    const toProxy = `https://localhost:${proxy._server.address().port}/`
    return [await ask(toProxy, { ca }), await ask(toProxy, { ca, method: 'POST' }, BODY)]
  },
  async '@smithy/node-http-handler'(url, httpsAgent) {
    // The package with which the AWS SDK sends its requests.
    const { NodeHttpHandler } = await load('@smithy/node-http-handler')
    const handler = new NodeHttpHandler({ httpsAgent })
    const { hostname, port, pathname } = new URL(url)
    const exchange = async (method, body) => {
      const request = {
        protocol: 'https:',
        hostname,
        port: Number(port),
        path: pathname,
        method,
        body,
        headers: {},
        query: {},
      }
      const { response } = await handler.handle(request)
      return (await response.body.setEncoding('latin1').toArray()).join('')
    }
    return [await exchange('GET'), await exchange('POST', BODY)]
  },
  async superagent(url, agent) {
    const { default: superagent } = await load('superagent')
    const text = async (request) => (await request.agent(agent).buffer(true)).text
    return [await text(superagent.get(url)), await text(superagent.post(url).type('text/plain').send(BODY))]
  },
  async ws(url, agent) {
    const { default: WebSocket } = await load('ws')
    const sockets = new WebSocket.WebSocketServer({ server })
    sockets.on('connection', (socket, req) => {
      socket.on('message', (data) =>
        socket.send(`${data.length < 10 ? 'GET' : 'POST'} ${req.socket.authorized} ${data}`),
      )
    })
    const socket = new WebSocket(url.replace('https', 'wss'), { agent })
    await once(socket, 'open')
    const answers = []
    for (const data of ['', BODY]) {
      socket.send(data)
      const [answer] = await once(socket, 'message')
      answers.push(String(answer))
    }
    socket.close()
    await once(socket, 'close')
    return answers
  },
  async 'socket.io'(url, agent) {
    const { Server } = await load('socket.io')
    const { io } = await load('socket.io-client')
    const sockets = new Server(server)
    sockets.on('connection', (socket) => {
      const { authorized } = socket.request.socket
      socket.on('ask', (method, text, answer) => answer(`${method} ${authorized} ${text}`))
    })
    const socket = io(url, { agent, ca, ...own, transports: ['websocket'] })
    const answers = [await socket.emitWithAck('ask', 'GET', ''), await socket.emitWithAck('ask', 'POST', BODY)]
    socket.close()
    await sockets.close()
    return answers
  },
}

async function main() {
  const [name] = process.argv.slice(2)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new https.Agent({ keepAlive: true, ca, ...own })
  const answers = await libraries[name](`https://localhost:${server.address().port}/`, agent)
  const { clients, compatible, native } = require('ferrohttp').stats().https
  const responses = answers.map((text) => text.replace(BODY, 'BODY'))
  process.stdout.write(`${JSON.stringify({ responses, servers: { compatible, native }, clients })}\n`, () =>
    process.exit(),
  )
}

main()
