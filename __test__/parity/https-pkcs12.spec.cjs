'use strict'
// The option `pfx` of servers and clients, on both.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https', nativeOnly: true }

test(
  'servers',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c } = require('../helpers/pki.cjs')
    const { bundles } = require('../helpers/pkcs12.cjs')
    const node = require('node:https')
    const passphrase = 'secret'
    const cases = {
      'a chain': { pfx: bundles.behind, passphrase },
      'not encrypted': { pfx: bundles.rsa, passphrase },
      'triple DES': { pfx: bundles.old, passphrase },
      'a list': { pfx: [bundles.behind, bundles.rsa], passphrase },
      'with passphrases': { pfx: [{ buf: bundles.behind, passphrase }] },
      'wrong passphrase': { pfx: bundles.behind, passphrase: 'wrong' },
      'no passphrase': { pfx: bundles.behind },
      'no bundle': { pfx: Buffer.from('nothing') },
    }
    for (const [title, given] of Object.entries(cases)) {
      let server
      try {
        server = https.createServer(given, (req, res) => {
          // With several only the I/O thread knows which one the client has received.
          const { serialNumber } = Array.isArray(given.pfx) ? {} : req.socket.getX509Certificate()
          res.end(`${req.socket.getCertificate().subject.CN} ${serialNumber}`)
        })
      } catch (error) {
        log(title, error.message)
        continue
      }
      const request = node.get({ port: await listen(server), host: 'localhost', family: 4, ca: c.root, agent: false })
      const [response] = await until(request, 'response')
      const { issuer, serialNumber, issuerCertificate } = response.socket.getPeerCertificate(true)
      log(title, issuer.CN, serialNumber, issuerCertificate?.issuer?.CN)
      response.setEncoding('latin1').on('data', log)
      await until(response, 'end')
    }
  }, options),
)

test(
  'clients, whose bundles also have an authority',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const { bundles } = require('../helpers/pkcs12.cjs')
    const node = require('node:https')
    const served = { key: keys.leaf, cert: c.direct, ca: c.root, requestCert: true, rejectUnauthorized: false }
    const server = node.createServer(served, (req, res) => {
      const { socket } = req
      log(socket.authorized, socket.authorizationError, socket.getPeerCertificate().subject?.CN)
      res.end()
    })
    const port = await listen(server)
    const pfx = bundles.client
    for (const given of [
      { pfx, passphrase: 'secret', ca: c.root },
      { pfx, passphrase: 'secret' },
      { pfx: [{ buf: pfx, passphrase: 'secret' }] },
      { pfx, passphrase: 'wrong' },
      { pfx: bundles.rsa, passphrase: 'secret' },
      { pfx: bundles.old, passphrase: 'secret', ca: c.root },
    ]) {
      try {
        const request = https.get({ port, host: 'localhost', family: 4, agent: false, ...given })
        const [response] = await until(request, 'response')
        const { socket } = response
        log(response.statusCode, socket.authorized, socket.getCertificate().subject.CN)
        response.resume()
        await until(response, 'end')
      } catch (error) {
        log(error.code ?? null, error.message)
      }
    }
  }, options),
)
