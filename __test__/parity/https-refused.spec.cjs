'use strict'
// What a peer notices of a handshake after which the other side's program has refused it.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https' }

test(
  'a server that its client refuses',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const server = https.createServer({ cert, key, minVersion: version, maxVersion: version })
      server.on('secureConnection', () => log('secureConnection'))
      server.on('tlsClientError', (error) => log('tlsClientError', error.code, error.message))
      const port = await listen(server)
      for (const given of [
        {},
        { ca: cert, servername: 'elsewhere' },
        { ca: cert, checkServerIdentity: () => new Error('mine') },
      ]) {
        const noticed = Promise.race([until(server, 'tlsClientError'), until(server, 'secureConnection')])
        const request = https.get({ port, host: '127.0.0.1', agent: false, ...given })
        const [error] = await until(request, 'error')
        log(version, error.code, error.message)
        await noticed
      }
    }
  }, options),
)

test(
  'a client that its server refuses',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const own = { cert: c.direct, key: keys.leaf }
      const { cert, key } = require('../helpers/certificate.cjs')
      const server = https.createServer({
        ...own,
        ca: c.root,
        requestCert: true,
        minVersion: version,
        maxVersion: version,
      })
      server.on('secureConnection', () => log('secureConnection'))
      server.on('tlsClientError', (error) => log('tlsClientError', error.code, error.message))
      const port = await listen(server)
      const noticed = until(server, 'tlsClientError')
      const request = https.get({ port, host: 'localhost', family: 4, agent: false, ca: c.root, cert, key })
      request.on('socket', (socket) => socket.on('secureConnect', () => log('secureConnect')))
      const [error] = await until(request, 'error')
      await noticed
      // The program's own message of a reset may precede that of the end in TLS 1.3.
      log(version, error.code)
    }
  }, options),
)

test(
  'protocols that are no list',
  parity(async (https, log) => {
    for (const ALPNProtocols of [5, 'http/1.1', {}]) {
      try {
        https.get({ port: 1, host: '127.0.0.1', agent: false, ALPNProtocols }).on('error', () => {})
        log('made')
      } catch (error) {
        log(error.name, error.message)
      }
    }
  }, options),
)

test(
  'suites of TLS 1.2 alone leave TLS 1.3 as it is',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const older = 'ECDHE-ECDSA-AES128-GCM-SHA256'
    for (const [server, client] of [
      [{ ciphers: older }, {}],
      [{}, { ciphers: older }],
      [{ ciphers: 'HIGH:!aNULL:!MD5' }, {}],
      [{ ciphers: older }, { maxVersion: 'TLSv1.2' }],
      [{ ciphers: older, minVersion: 'TLSv1.3' }, {}],
      [{ ciphers: 'TLS_AES_128_GCM_SHA256' }, {}],
    ]) {
      const own = https.createServer({ cert, key, ...server }, (_req, res) => res.end())
      const port = await listen(own)
      const request = https.get({ port, host: 'localhost', family: 4, agent: false, ca: cert, ...client })
      const [response] = await until(request, 'response')
      log(response.socket.getProtocol(), response.socket.getCipher().name)
      response.resume()
      await until(response, 'end')
    }
  }, options),
)
