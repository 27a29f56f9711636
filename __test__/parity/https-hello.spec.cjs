'use strict'
// Clients whose hello rustls refuses and OpenSSL does not: the server serves them as node:https does.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https' }

test(
  'a client whose suites, groups, signatures or name rustls does not have',
  parity(async (https, log, { listen, until }) => {
    const tls = require('node:tls')

    const { cert, key } = require('../helpers/certificate.cjs')

    const server = https.createServer({ cert, key }, (req, res) => {
      const { socket } = req
      log(req.url, socket.servername, socket.getProtocol(), socket.getCipher().name, socket.alpnProtocol)
      res.end('answer')
    })
    server.on('secureConnection', (socket) => log('secureConnection', socket.constructor.name))
    server.on('tlsClientError', (error) => log('tlsClientError', error.code))
    const port = await listen(server)
    const ask = async (path, given) => {
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...given })
      await until(socket, 'secureConnect')
      socket.end(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      let text = ''
      for await (const chunk of socket.setEncoding('latin1')) text += chunk
      log(path, text.endsWith('answer'))
    }
    const older = { maxVersion: 'TLSv1.2' }
    await ask('/name', { servername: 'sni.0' })
    await ask('/name-12', { servername: 'sni.0', ...older })
    await ask('/suite', { ciphers: 'ECDHE-ECDSA-AES128-SHA', ...older })
    await ask('/group', { ecdhCurve: 'secp521r1' })
    await ask('/signature', { sigalgs: 'ecdsa_secp256r1_sha256:ed25519' })
    await ask('/plain', { servername: 'localhost' })
    await ask('/suite-alpn', { ciphers: 'ECDHE-ECDSA-AES256-SHA384', ALPNProtocols: ['http/1.1'], ...older })
    server.getConnections((_error, count) => log('connections', count))
    server.close()
    await until(server, 'close')
    log('closed')
  }, options),
)

test(
  'a client with which rustls and OpenSSL have no suite, group or signature algorithm in common',
  parity(async (https, log, { listen, until }) => {
    const tls = require('node:tls')
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key })
    server.on('tlsClientError', (error) => log('tlsClientError', error.code, error.library, error.reason))
    const port = await listen(server)
    for (const given of [
      { ciphers: 'ECDHE-RSA-AES128-SHA', maxVersion: 'TLSv1.2' },
      { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
      { ecdhCurve: 'secp521r1', maxVersion: 'TLSv1.2' },
      { sigalgs: 'ECDSA+SHA384' },
    ]) {
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...given })
      const failed = until(server, 'tlsClientError')
      const [error] = await until(socket, 'error')
      await failed
      log(error.code)
    }
    server.getConnections((_error, count) => log('connections', count))
  }, options),
)

test(
  'a client that leaves in its handshake, or sends garbage',
  parity(async (https, log, { listen, until }) => {
    const net = require('node:net')
    const tls = require('node:tls')
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key })
    server.on('tlsClientError', (error, socket) => log('tlsClientError', error.code, socket.destroyed))
    const port = await listen(server)
    const catcher = net.createServer()
    const own = await listen(catcher)
    for (const leave of [
      (socket) => socket.end(),
      (socket) => socket.destroy(),
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.write('garbage, which is no record'),
    ]) {
      const client = tls.connect({ port: own, host: '127.0.0.1', servername: 'sni.0' }).on('error', () => {})
      const [caught] = await until(catcher, 'connection')
      const [hello] = await until(caught, 'data')
      caught.destroy()
      client.destroy()
      const socket = net.connect(port, '127.0.0.1').on('error', () => {})
      socket.write(hello)
      await until(socket, 'data')
      const failed = until(server, 'tlsClientError')
      leave(socket)
      socket.resume()
      await failed
      socket.destroy()
    }
    server.getConnections((_error, count) => log('connections', count))
    server.close()
    await until(server, 'close')
  }, options),
)

test(
  'a program that decides by the hello',
  parity(async (https, log, { listen, until }) => {
    const tls = require('node:tls')
    const { cert, key } = require('../helpers/certificate.cjs')
    const context = tls.createSecureContext({ cert, key })
    const names = new Set()
    const server = https.createServer(
      {
        cert,
        key,
        SNICallback: (name, done) => {
          names.add(name)
          setImmediate(done, null, context)
        },
      },
      (req, res) => {
        log(req.url, req.socket.servername, req.socket.getCipher().name)
        res.end('answer')
      },
    )
    const port = await listen(server)
    const older = { maxVersion: 'TLSv1.2' }
    for (const [path, given] of [
      ['/name', { servername: 'sni.0' }],
      ['/suite', { ciphers: 'ECDHE-ECDSA-AES128-SHA', servername: 'b', ...older }],
      ['/both', { servername: 'localhost' }],
    ]) {
      const request = https.get({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false, path, ...given })
      const [response] = await until(request, 'response')
      response.resume()
      await until(response, 'end')
    }
    log(...names)
  }, options),
)
