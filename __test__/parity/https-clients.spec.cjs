'use strict'
// Clients' TLS on both: the accepted servers, the members of sockets, and failed connections.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https', nativeOnly: true }

test(
  "servers' certificates",
  parity(async (https, log) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const self = require('../helpers/certificate.cjs')
    const node = require('node:https')
    const { once } = require('node:events')
    const leaf = keys.leaf
    const trusting = { ca: c.root }
    const cases = {
      'signed by itself': [self, {}],
      'signed by itself, trusted': [self, { ca: self.cert }],
      'signed by itself, accepted': [self, { rejectUnauthorized: false }],
      'signed by a trusted authority': [{ key: leaf, cert: c.direct }, trusting],
      'RSA, TLS 1.2': [{ key: keys.rsa, cert: c.rsa, maxVersion: 'TLSv1.2' }, trusting],
      'RSA, TLS 1.3': [{ key: keys.rsa, cert: c.rsa }, trusting],
      'signed by an unknown authority': [{ key: leaf, cert: c.direct }, {}],
      'with its unknown authority': [{ key: leaf, cert: `${c.direct}\n${c.root}` }, {}],
      'behind another authority': [{ key: leaf, cert: `${c.behind}\n${c.inter}` }, trusting],
      'behind a missing authority': [{ key: leaf, cert: c.behind }, trusting],
      'behind an unknown authority': [{ key: leaf, cert: `${c.behind}\n${c.inter}` }, {}],
      'an authority that has not signed itself': [{ key: leaf, cert: c.behind }, { ca: c.inter }],
      'both authorities': [{ key: leaf, cert: c.behind }, { ca: [c.inter, Buffer.from(c.root)] }],
      expired: [{ key: leaf, cert: c.expired }, trusting],
      'expired and unknown': [{ key: leaf, cert: c.expired }, {}],
      'not yet valid': [{ key: leaf, cert: c.future }, trusting],
      'signed by itself, expired': [{ key: leaf, cert: c.selfExpired }, {}],
      'signed by itself, expired, trusted': [{ key: leaf, cert: c.selfExpired }, { ca: c.selfExpired }],
      'an authority as a server': [{ key: leaf, cert: c.authority }, trusting],
      'version 1': [{ key: leaf, cert: c.version1 }, trusting],
      'version 1, TLS 1.2': [{ key: leaf, cert: c.version1, maxVersion: 'TLSv1.2' }, trusting],
      'for clients': [{ key: leaf, cert: c.clientOnly }, trusting],
      'another name': [
        { key: leaf, cert: c.direct },
        { ...trusting, servername: 'other.test' },
      ],
      'another name, accepted': [
        { key: leaf, cert: c.direct },
        { ...trusting, servername: 'other.test', rejectUnauthorized: false },
      ],
      'an address': [
        { key: leaf, cert: c.direct },
        { ...trusting, host: '127.0.0.1' },
      ],
      'no authorities': [{ key: leaf, cert: c.direct }, { ca: [] }],
    }
    for (const [title, [served, asked]] of Object.entries(cases)) {
      const server = node.createServer(served, (_req, res) => res.end('answer')).on('tlsClientError', () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address()
      const request = https.get({ port, host: 'localhost', family: 4, agent: false, ...asked })
      request.on('socket', (socket) => {
        for (const event of ['connect', 'secureConnect']) socket.on(event, () => log(event))
        socket.on('close', (hadError) => log('close', hadError))
      })
      const closed = once(request, 'close')
      request.on('error', ({ code, message, reason, host }) => log(title, code, message, reason, host))
      request.on('response', (response) => {
        const { socket } = response
        log(title, socket.authorized, socket.authorizationError, socket.servername, socket.alpnProtocol)
        log(socket.getProtocol(), socket.getCipher(), socket.getPeerCertificate().subject.CN)
        response.resume()
      })
      await closed.catch(() => {})
      server.close()
      await once(server, 'close')
    }
  }, options),
)

test(
  'checkServerIdentity gets the certificates, and decides',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const server = https.createServer({ key: keys.leaf, cert: `${c.behind}\n${c.inter}` }, (_req, res) => res.end())
    const port = await listen(server)
    const ask = async (checkServerIdentity, given) => {
      const request = https.get({
        port,
        host: 'localhost',
        family: 4,
        ca: c.root,
        agent: false,
        checkServerIdentity,
        ...given,
      })
      request.on('error', (error) => log(error))
      const [response] = await until(request, 'response').catch(() => [])
      if (response === undefined) return
      log(response.socket.authorized, response.socket.authorizationError)
      const names = (certificate) => {
        const { subject, issuerCertificate } = certificate
        return issuerCertificate === undefined || issuerCertificate === certificate
          ? [subject.CN, issuerCertificate === certificate]
          : [subject.CN, ...names(issuerCertificate)]
      }
      log(names(response.socket.getPeerCertificate(true)), names(response.socket.getPeerCertificate()))
      log(response.socket.getPeerX509Certificate().subject)
      response.resume()
      await until(response, 'close')
    }
    await ask((host, certificate) => {
      log(host, certificate.subject.CN, certificate.issuerCertificate.subject.CN)
      const root = certificate.issuerCertificate.issuerCertificate
      log(root.subject.CN, root.issuerCertificate === root)
    })
    await ask(() => new Error('no'))
    await ask(() => new Error('no'), { rejectUnauthorized: false })
    await ask(() => undefined, { servername: 'other.test' })
  }, options),
)

test(
  'a certificate of the client',
  parity(async (https, log, { until }) => {
    const { once } = require('node:events')
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const served = { key: keys.leaf, cert: c.direct, ca: c.root, requestCert: true }
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
      for (const own of [{}, { key: keys.client, cert: c.client }]) {
        const server = require('node:https').createServer({ ...served, maxVersion }, (req, res) =>
          res.end(req.socket.getPeerCertificate().subject.CN),
        )
        server.on('tlsClientError', () => {})
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        const { port } = server.address()
        const request = https.get({ port, host: 'localhost', family: 4, ca: c.root, agent: false, ...own })
        request.on('socket', (socket) => socket.on('close', (hadError) => log('close', hadError)))
        request.on('error', ({ code, reason, syscall }) => log(maxVersion, code, reason, syscall))
        const [response] = await until(request, 'response').catch(() => [])
        if (response !== undefined) {
          const closed = once(response.socket, 'close')
          log(response.socket.getCertificate().subject, response.socket.getX509Certificate().subject)
          for await (const text of response.setEncoding('utf8')) log(maxVersion, text)
          await closed
        }
        server.close()
        await once(server, 'close')
      }
  }, options),
)

test(
  'handshakes that fail',
  parity(async (https, log, { after, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const { once } = require('node:events')
    const served = { key: keys.leaf, cert: c.direct }
    const cases = [
      [{ maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
      [{ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
      [
        { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
        { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      ],
      [{ ALPNProtocols: ['a'] }, { ALPNProtocols: ['b'] }],
      [{ ALPNProtocols: ['a', 'http/1.1'] }, { ALPNProtocols: ['http/1.1'] }],
    ]
    for (const [theirs, ours] of cases) {
      const server = require('node:https').createServer({ ...served, ...theirs }, (_req, res) => res.end())
      server.on('tlsClientError', () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      after(() => server.close())
      const { port } = server.address()
      const request = https.get({ port, host: 'localhost', family: 4, ca: c.root, agent: false, ...ours })
      request.on('error', ({ code, syscall, errno }) => log(code, syscall, errno))
      const [response] = await until(request, 'response').catch(() => [])
      log(response?.socket.alpnProtocol)
      response?.resume()
    }
  }, options),
)

test(
  'servers that do not speak TLS, or break off',
  parity(async (https, log, { after, until }) => {
    const net = require('node:net')
    const alert = (number) => (socket) =>
      socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, number])))
    const behaviours = {
      plain: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'FIN at once': (socket) => socket.end(),
      'FIN after the ClientHello': (socket) => socket.once('data', () => socket.end()),
      RST: (socket) => socket.once('data', () => socket.resetAndDestroy()),
      garbage: (socket) => socket.once('data', () => socket.end(Buffer.alloc(200, 7))),
      'handshake failure': alert(40),
      'internal error': alert(80),
      'unrecognized name': alert(112),
    }
    for (const [title, behave] of Object.entries(behaviours))
      for (const writes of [true, false]) {
        const server = net.createServer((socket) => behave(socket.on('error', () => {})))
        server.listen(0, '127.0.0.1')
        await until(server, 'listening')
        after(() => server.close())
        const { port } = server.address()
        const request = https.request({ port, host: 'localhost', family: 4, agent: false })
        request.on('socket', (socket) => socket.on('close', (hadError) => log('close', hadError)))
        request.on('error', (error) => {
          const { code, message, syscall, library, reason, host, path, localAddress } = error
          const reset = code === 'ECONNRESET' ? message : undefined
          log(title, writes, code, reset, syscall, library, reason, host, path, localAddress)
        })
        if (writes) request.end()
        await until(request, 'close').catch(() => until(request, 'close'))
      }
  }, options),
)
