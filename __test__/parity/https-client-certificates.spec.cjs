'use strict'
// Servers that ask their clients for certificates, on both: the accepted clients, the members of sockets, and the end of refused connections.
const test = require('ava')
const { X509Certificate } = require('node:crypto')
const { once } = require('node:events')
const nodeHttps = require('node:https')
const https = require('ferrohttp/https')
const { listen } = require('../helpers/listen.cjs')
const { parity } = require('../helpers/parity.cjs')
const { certificates, keys } = require('../helpers/pki.cjs')
const { requestByNode } = require('../helpers/secure-request.cjs')

const options = { module: 'https', nativeOnly: true }

test(
  "clients' certificates",
  parity(async (https, log, { listen }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const self = require('../helpers/certificate.cjs')
    const { leaf } = keys
    const asked = { ca: c.root, rejectUnauthorized: false }
    const cases = {
      'signed by a trusted authority': [asked, { key: keys.client, cert: c.client }],
      'with its authority': [asked, { key: keys.client, cert: `${c.client}\n${c.root}` }],
      none: [asked, {}],
      'signed by itself': [asked, self],
      'signed by itself, trusted': [{ ...asked, ca: self.cert }, self],
      'of an unknown authority': [
        { ...asked, ca: self.cert },
        { key: keys.client, cert: c.client },
      ],
      'without authorities of its own': [{ rejectUnauthorized: false }, { key: keys.client, cert: c.client }],
      'a server’s': [asked, { key: leaf, cert: c.direct }],
      'for clients, on another key': [asked, { key: leaf, cert: c.clientOnly }],
      'behind another authority': [asked, { key: leaf, cert: `${c.behind}\n${c.inter}` }],
      'behind a missing authority': [asked, { key: leaf, cert: c.behind }],
      expired: [asked, { key: leaf, cert: c.expired }],
      'not yet valid': [asked, { key: leaf, cert: c.future }],
      'an authority': [asked, { key: leaf, cert: c.authority }],
      'version 1': [asked, { key: leaf, cert: c.version1 }],
      'required, valid': [{ ca: c.root }, { key: keys.client, cert: c.client }],
      'required, invalid': [{ ca: c.root }, self],
      'required, none': [{ ca: c.root }, {}],
    }
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const [title, [given, own]] of Object.entries(cases)) {
        const served = { key: leaf, cert: c.direct, requestCert: true, minVersion: version, maxVersion: version }
        const server = https.createServer({ ...served, ...given }, (req, res) => {
          const { socket } = req
          const peer = socket.getPeerCertificate(true)
          log(socket.authorized, socket.authorizationError, peer.subject?.CN, peer.issuerCertificate?.subject?.CN)
          log(socket.getPeerX509Certificate()?.subject, socket.getCertificate().subject.CN)
          res.end()
        })
        const failed = new Promise((resolve) => {
          server.on('tlsClientError', (error, socket) => {
            log('tlsClientError', error.code, error.message.includes('socket hang up'), socket.destroyed)
            resolve()
          })
        })
        const port = await listen(server)
        log(version, title)
        await requestByNode({ port, ca: c.root, ...own })
        if (title.startsWith('required, ') && title !== 'required, valid') await failed
      }
    }
  }, options),
)

test(
  'authorities that the server names to its clients, and the chain that it completes',
  parity(async (https, log, { listen }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const tls = require('node:tls')
    for (const given of [
      { ca: [c.root, c.inter], requestCert: true },
      { ca: c.root, requestCert: true },
      { ca: c.inter },
      { ca: [c.inter, c.root] },
      { cert: `${c.behind}\n${c.inter}`, ca: c.root },
    ]) {
      const server = https.createServer({ key: keys.leaf, cert: c.behind, rejectUnauthorized: false, ...given })
      const port = await listen(server)
      const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: c.root })
      socket.on('error', (error) => log(error.code))
      await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve))
      log(socket.authorized, socket.getPeerCertificate(true)?.issuerCertificate?.subject?.CN ?? null)
      socket.destroy()
    }
  }, options),
)

test(
  'a session that is resumed has the certificate of its first connection',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const node = require('node:https')
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      for (const rejectUnauthorized of [true, false]) {
        const given = { key: keys.leaf, cert: c.direct, ca: c.root, requestCert: true, rejectUnauthorized, maxVersion }
        const server = https.createServer(given, (req, res) => {
          const { socket } = req
          log(socket.isSessionReused(), socket.authorized, socket.getPeerCertificate().subject?.CN)
          res.end()
        })
        const port = await listen(server)
        const agent = new node.Agent({ ca: c.root, key: keys.client, cert: c.client })
        for (let i = 0; i < 2; i++) {
          const [response] = await until(node.get({ port, host: 'localhost', family: 4, agent }), 'response')
          const { socket } = response
          const ended = until(socket, 'close')
          response.resume()
          await ended
        }
      }
    }
  }, options),
)

test(
  'secureConnection shows clients before their requests, and may end them',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const node = require('node:https')
    const given = { key: keys.leaf, cert: c.direct, ca: c.root, requestCert: true, rejectUnauthorized: false }
    const server = https.createServer(given, (_req, res) => res.end('answer'))
    server.on('secureConnection', (socket) => {
      log('secureConnection', socket.authorized, socket.authorizationError)
      if (!socket.authorized) socket.destroy()
    })
    const port = await listen(server)
    const ask = (own) => node.get({ port, host: 'localhost', family: 4, ca: c.root, agent: false, ...own })
    const [response] = await until(ask({ key: keys.client, cert: c.client }), 'response')
    log(response.statusCode)
    response.resume()
    const refused = ask({})
    refused.on('error', (error) => log(error.code))
    await new Promise((resolve) => refused.on('close', resolve))
  }, options),
)

test(
  'clients of a server whose requestCert is set later',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const node = require('node:https')
    const given = { key: keys.leaf, cert: c.direct, ca: c.root }
    const server = https.createServer(given, (req, res) => {
      log(req.socket.authorized)
      res.end()
    })
    const port = await listen(server)
    const ask = async (own) => {
      const request = node.get({ port, host: 'localhost', family: 4, ca: c.root, agent: false, ...own })
      request.on('response', (response) => response.resume())
      request.on('error', () => {})
      await new Promise((resolve) => request.on('close', resolve))
    }
    await ask({})
    server.requestCert = true
    const refused = until(server, 'tlsClientError')
    await ask({})
    await refused
    await ask({ key: keys.client, cert: c.client })
  }, options),
)

test(
  'sessions of a server with the same ticketKeys',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const tls = require('node:tls')
    const given = { key: keys.leaf, cert: c.direct, ticketKeys: Buffer.alloc(48, 7), maxVersion: 'TLSv1.2' }
    let session
    for (const sessionIdContext of ['one', 'one', 'other']) {
      const port = await listen(https.createServer({ ...given, sessionIdContext }))
      const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: c.root, session })
      await until(socket, 'secureConnect')
      log(sessionIdContext, socket.isSessionReused())
      session ??= socket.getSession()
      socket.destroy()
    }
  }, options),
)

test(
  'clients that ask for a name with a context of its own',
  parity(async (https, log, { listen }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const node = require('node:https')
    const given = { key: keys.leaf, cert: c.direct, ca: c.root, requestCert: true, rejectUnauthorized: false }
    const server = https.createServer(given, (req, res) => {
      log(req.socket.servername, req.socket.authorized, req.socket.authorizationError)
      res.end()
    })
    server.addContext('localhost', { key: keys.leaf, cert: c.direct })
    const port = await listen(server)
    for (const servername of ['localhost', 'other.test']) {
      const own = { key: keys.client, cert: c.client, servername, rejectUnauthorized: false }
      const request = node.get({ port, host: 'localhost', family: 4, ca: c.root, agent: false, ...own })
      request.on('response', (response) => response.resume())
      await new Promise((resolve) => request.on('close', resolve))
    }
  }, options),
)

test(
  'the certificate type of Netscape',
  parity(async (https, log, { listen }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const { root, types } = require('../helpers/pki-clients.cjs')
    const node = require('node:https')
    for (const [type, own] of Object.entries(types)) {
      const given = { key: keys.leaf, cert: c.direct, ca: root, requestCert: true, rejectUnauthorized: false }
      const server = https.createServer(given, (req, res) => {
        log(type, req.socket.authorized, req.socket.authorizationError)
        res.end()
      })
      const port = await listen(server)
      const request = node.get({ port, host: 'localhost', family: 4, ca: c.root, agent: false, ...own })
      request.on('response', (response) => response.resume())
      await new Promise((resolve) => request.on('close', resolve))
    }
  }, options),
)

test.serial('a client cannot have the server verify any number of signatures', async (t) => {
  const { root, own } = require('../helpers/pki-clients.cjs')
  const { verify } = X509Certificate.prototype
  const pem = own.cert.replace(/-----[^-]+-----|\s/g, '')
  // The same certificate with other serial numbers: each may have signed the others.
  const others = Array.from({ length: 60 }, (_, number) => {
    const der = Buffer.from(pem, 'base64')
    const serial = new X509Certificate(der).serialNumber
    der[der.indexOf(Buffer.from(serial, 'hex'))] = number + 1
    return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  })
  const given = { key: keys.leaf, cert: certificates.direct, ca: root, requestCert: true, rejectUnauthorized: false }
  const server = https.createServer(given, (req, res) => res.end(req.socket.authorizationError))
  const port = await listen(t, server)
  let count = 0
  X509Certificate.prototype.verify = function (key) {
    count++
    return verify.call(this, key)
  }
  t.teardown(() => Object.assign(X509Certificate.prototype, { verify }))
  const cert = others.join('')
  const options = { port, host: 'localhost', family: 4, ca: certificates.root, agent: false, key: own.key, cert }
  const [response] = await once(nodeHttps.get(options), 'response')
  const parts = []
  for await (const part of response.setEncoding('latin1')) parts.push(part)
  t.not(parts.join(''), '')
  t.true(count > 0 && count < others.length, `${count} verifications`)
})

test('stricter than Node: a client without a certificate is not authorized by resuming its session', async (t) => {
  const given = { key: keys.leaf, cert: certificates.direct, ca: certificates.root, requestCert: true }
  const server = https.createServer({ ...given, rejectUnauthorized: false }, (req, res) => {
    const { socket } = req
    res.end(`${socket.isSessionReused()} ${socket.authorized} ${socket.authorizationError}`)
  })
  const port = await listen(t, server)
  const agent = new nodeHttps.Agent({ ca: certificates.root })
  const answers = []
  for (let i = 0; i < 2; i++) {
    const [response] = await once(nodeHttps.get({ port, host: 'localhost', family: 4, agent }), 'response')
    const closed = once(response.socket, 'close')
    for await (const part of response.setEncoding('latin1')) answers.push(part)
    await closed
  }
  t.deepEqual(answers, ['false false UNABLE_TO_GET_ISSUER_CERT', 'true false UNABLE_TO_GET_ISSUER_CERT'])
})
