'use strict'
// https.Server and https.request on both: the same script with node:https.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https' }

test(
  'a request and its answer; the connection in the handler',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key }, (req, res) => {
      const { socket } = req
      log(req.method, req.url, req.headers.host.startsWith('localhost:'), socket.encrypted, socket.authorized)
      log(socket.alpnProtocol, socket.servername, socket.getProtocol(), typeof socket.remotePort)
      log(
        socket === res.socket,
        socket instanceof require('node:tls').TLSSocket,
        Object.keys(socket.getPeerCertificate()),
      )
      let body = ''
      req.setEncoding('utf8').on('data', (text) => (body += text))
      req.on('end', () => res.end(`got ${body}`))
    })
    server.on('secureConnection', (socket) => log('secureConnection', socket.constructor.name))
    const port = await listen(server)
    const request = https.request({ port, host: 'localhost', family: 4, method: 'POST', path: '/a?b', ca: cert })
    request.end('body')
    const [response] = await until(request, 'response')
    log(response.statusCode, response.headers, response.socket.authorized, request.reusedSocket)
    let text = ''
    for await (const chunk of response) text += chunk
    log(text, response.complete)
  }, options),
)

test(
  'the options are a listener, or null, or missing',
  parity(async (https, log) => {
    for (const args of [[], [null], [undefined, () => {}], [() => {}], [{}, () => {}], [{}]]) {
      const server = https.createServer(...args)
      log(server.constructor.name, server.listenerCount('request'), server.timeout, server.maxHeadersCount)
      log(server.keepAliveTimeout, server.headersTimeout, server.requestTimeout, server.allowHalfOpen)
      log(server instanceof https.Server, server instanceof require('node:tls').Server)
    }
    for (const given of [[], 1, 'a', true]) {
      try {
        https.createServer(given)
        log('made')
      } catch (error) {
        log(error)
      }
    }
    log(https.Server({}) instanceof https.Server)
  }, options),
)

test(
  'options that tls or http refuse',
  parity(async (https, log) => {
    const { key } = require('../helpers/certificate.cjs')
    const bad = [
      { headersTimeout: 2, requestTimeout: 1 },
      { insecureHTTPParser: 0 },
      { maxHeaderSize: 1.5 },
      { cert: 'no certificate' },
      { key: 'no key' },
      { key, cert: key },
      { ALPNProtocols: ['a'], ALPNCallback: () => 'a' },
      { SNICallback: 1 },
      { handshakeTimeout: 'a' },
      { minVersion: 'TLSv9' },
      { ciphers: 'no such cipher' },
    ]
    for (const given of bad) {
      try {
        https.createServer(given)
        log(Object.keys(given), 'made')
      } catch (error) {
        log(Object.keys(given), error.name, error.code)
      }
    }
  }, options),
)

test(
  'plain http to a TLS port: tlsClientError, clientError, and the bytes for the peer',
  parity(async (https, log, { listen, until }) => {
    const net = require('node:net')
    const { cert, key } = require('../helpers/certificate.cjs')
    for (const listens of [false, true]) {
      const server = https.createServer({ cert, key }, () => log('request'))
      server.on('tlsClientError', (error, socket) => log('tlsClientError', error.code, socket.encrypted))
      if (listens)
        server.on('clientError', (error, socket) => {
          log('clientError', error.code, socket.writable)
          socket.destroy()
        })
      server.on('secureConnection', () => log('secureConnection'))
      const peer = net.connect(await listen(server), '127.0.0.1')
      peer.on('error', (error) => log('peer', error.code))
      peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      peer.resume()
      // The two ends are notified separately.
      await Promise.all([until(peer, 'close'), until(server, 'tlsClientError')])
      log('closed')
    }
  }, options),
)

test(
  'https to a plain port',
  parity(async (https, log, { until, after }) => {
    const net = require('node:net')
    const server = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n').on('error', () => {}))
    server.listen(0, '127.0.0.1')
    await until(server, 'listening')
    after(() => server.close())
    const request = https.get({ port: server.address().port, host: '127.0.0.1', agent: false })
    request.on('close', () => log('close'))
    const [error] = await until(request, 'error')
    log(error.code, error.library, error.reason)
    await until(request, 'close')
  }, options),
)

test(
  'a connection that ends before the handshake',
  parity(async (https, log, { listen, until, after }) => {
    const net = require('node:net')
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key })
    const port = await listen(server)
    const peer = net.connect(port, '127.0.0.1').on('error', () => {})
    peer.end(Buffer.from([22, 3, 1]))
    peer.resume()
    const [error] = await until(server, 'tlsClientError')
    log(error)
    const plain = net.createServer((socket) => socket.once('data', () => socket.destroy()).on('error', () => {}))
    plain.listen(0, '127.0.0.1')
    await until(plain, 'listening')
    after(() => plain.close())
    const request = https.get({ port: plain.address().port, host: '127.0.0.1', agent: false })
    const [hangUp] = await until(request, 'error')
    log(hangUp.code)
  }, options),
)

test(
  'a handshake that takes too long',
  parity(async (https, log, { listen, until }) => {
    const net = require('node:net')
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key, handshakeTimeout: 50 })
    const peer = net.connect(await listen(server), '127.0.0.1')
    peer.on('error', () => {}).resume()
    const closed = until(peer, 'close')
    const [error] = await until(server, 'tlsClientError')
    log(error.name, error.code, error.message)
    await closed
  }, options),
)

test(
  'the async context of events of connections is that of listen',
  parity(async (https, log, { listen, until }) => {
    const { AsyncLocalStorage } = require('node:async_hooks')
    const net = require('node:net')
    const { cert, key } = require('../helpers/certificate.cjs')
    const context = new AsyncLocalStorage()
    const server = https.createServer({ cert, key }, (_req, res) => {
      log('request', context.getStore())
      res.end()
    })
    server.on('secureConnection', () => log('secureConnection', context.getStore()))
    server.on('tlsClientError', () => log('tlsClientError', context.getStore()))
    const port = await context.run('listen', () => listen(server))
    await context.run('client', async () => {
      const request = https.get({ port, host: 'localhost', family: 4, ca: cert, agent: false })
      const [response] = await until(request, 'response')
      response.resume()
      await until(response, 'close')
      const peer = net.connect(port, '127.0.0.1').on('error', () => {})
      peer.resume().write('no TLS')
      await Promise.all([until(peer, 'close'), until(server, 'tlsClientError')])
    })
  }, options),
)

test(
  'certificates that do not verify',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key }, (_req, res) => res.end('answer'))
    const port = await listen(server)
    const ask = async (given) => {
      const request = https.get({ port, host: 'localhost', family: 4, agent: false, ...given })
      try {
        const [response] = await until(request, 'response')
        log(response.statusCode, response.socket.authorized, response.socket.authorizationError ?? null)
        response.resume()
        await until(response, 'close')
      } catch (error) {
        log(error.code, error.message)
      }
    }
    await ask({})
    await ask({ rejectUnauthorized: false })
    await ask({ ca: cert })
    await ask({ ca: cert, servername: 'other.test' })
    await ask({ ca: cert, servername: 'other.test', checkServerIdentity: () => undefined })
    await ask({ ca: cert, checkServerIdentity: (name, peer) => new Error(`not ${name} of ${peer.subject.CN}`) })
  }, options),
)

test(
  'client certificates',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const ask = async (port, given) => {
      const request = https.get({ port, host: 'localhost', family: 4, ca: cert, agent: false, ...given })
      try {
        const [response] = await until(request, 'response')
        log(response.statusCode)
        response.resume()
        await until(response, 'close')
      } catch (error) {
        log('failed', typeof error.code)
      }
    }
    for (const rejectUnauthorized of [true, false]) {
      const given = { cert, key, ca: cert, requestCert: true, rejectUnauthorized }
      const server = https.createServer(given, (req, res) => {
        const { authorized, authorizationError } = req.socket
        log(authorized, authorizationError ?? null, req.socket.getPeerCertificate().subject?.CN ?? null)
        res.end()
      })
      server.on('tlsClientError', (error) => log('tlsClientError', error.code))
      const port = await listen(server)
      await ask(port, { cert, key })
      await ask(port, {})
    }
  }, options),
)

test(
  'ALPN, SNI and contexts',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const ask = async (port, given) => {
      const request = https.get({
        port,
        host: 'localhost',
        family: 4,
        rejectUnauthorized: false,
        agent: false,
        ...given,
      })
      try {
        const [response] = await until(request, 'response')
        log(response.socket.alpnProtocol, response.socket.getPeerCertificate().subject?.CN)
        response.resume()
        await until(response, 'close')
      } catch (error) {
        log(error.code)
      }
    }
    const served = (given) =>
      https.createServer({ cert, key, ...given }, (req, res) => res.end(req.socket.servername || ''))
    const plain = await listen(served({}))
    await ask(plain, {})
    await ask(plain, { ALPNProtocols: ['http/1.1'] })
    await ask(plain, { ALPNProtocols: ['spdy/9'] })
    const chosen = await listen(
      served({ ALPNCallback: ({ servername, protocols }) => log(servername, protocols) ?? 'x' }),
    )
    await ask(chosen, { ALPNProtocols: ['x', 'http/1.1'] })
    const byName = await listen(
      served({
        SNICallback: (name, done) => {
          log('SNICallback', name)
          done(null, require('node:tls').createSecureContext({ cert, key }))
        },
      }),
    )
    await ask(byName, { servername: 'a.test' })
    const without = https.createServer({}, (_req, res) => res.end())
    without.addContext('*.b.test', { cert, key })
    await ask(await listen(without), { servername: 'a.b.test' })
    // Either side may be notified first.
    const [[error]] = await Promise.all([
      until(without, 'tlsClientError'),
      ask(without.address().port, { servername: 'c.test' }),
    ])
    log(error.code)
  }, options),
)

test(
  'versions and ciphers that the other side has not',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const ask = async (server, given) => {
      const port = await listen(server)
      const refused = new Promise((resolve) => server.once('tlsClientError', resolve))
      const request = https.get({
        port,
        host: 'localhost',
        family: 4,
        rejectUnauthorized: false,
        agent: false,
        ...given,
      })
      try {
        const [response] = await until(request, 'response')
        log(response.socket.getProtocol(), response.socket.getCipher().name)
        response.resume()
        await until(response, 'close')
      } catch (error) {
        // Either side may be notified first.
        log(error.code, (await refused).code)
      }
    }
    const served = (given) => https.createServer({ cert, key, ...given }, (_req, res) => res.end())
    await ask(served({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), {})
    await ask(served({ minVersion: 'TLSv1.3' }), { maxVersion: 'TLSv1.2' })
    await ask(served({ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }), {
      ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384',
    })
    await ask(served({ ciphers: 'TLS_AES_128_GCM_SHA256' }), {})
  }, options),
)

test(
  'upgrade, CONNECT and raw writes go over TLS',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key })
    for (const event of ['upgrade', 'connect'])
      server.on(event, (req, socket, head) => {
        log(event, req.url, socket.encrypted, head.length)
        socket.write(
          'HTTP/1.1 200 Hello\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'.replace(
            '200',
            event === 'upgrade' ? '101' : '200',
          ),
        )
        socket.pipe(socket)
      })
    const port = await listen(server)
    for (const given of [
      { headers: { Connection: 'Upgrade', Upgrade: 'echo' } },
      { method: 'CONNECT', path: 'a.test:1' },
    ]) {
      const request = https.request({ port, host: 'localhost', family: 4, ca: cert, agent: false, ...given }).end()
      const [response, socket] = await until(request, given.method === 'CONNECT' ? 'connect' : 'upgrade')
      log(response.statusCode)
      socket.write('there and back')
      const [data] = await until(socket, 'data')
      log(data.toString())
      socket.end()
      await until(socket, 'close')
    }
  }, options),
)

test(
  'close, closeAllConnections, closeIdleConnections and asyncDispose',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const agent = new https.Agent({ keepAlive: true, ca: cert })
    for (const end of ['close', 'closeIdleConnections', 'closeAllConnections', Symbol.asyncDispose]) {
      const server = https.createServer({ cert, key }, (_req, res) => res.end('x'))
      const port = await listen(server)
      const request = https.get({ port, host: 'localhost', family: 4, agent })
      const [response] = await until(request, 'response')
      response.resume()
      await until(response, 'end')
      const { socket } = request
      const closed = until(socket, 'close')
      const serverCloses = until(server, 'close')
      log(String(end), typeof server[end]())
      await closed
      if (typeof end === 'string' && end !== 'close') server.close()
      await serverCloses
      log('closed', server.listening)
    }
    agent.destroy()
  }, options),
)
