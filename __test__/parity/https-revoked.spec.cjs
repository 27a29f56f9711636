'use strict'
// Lists of revoked certificates (`crl`), on both: of clients that check their server, and of servers that check their clients.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { requestByNode } = require('../helpers/secure-request.cjs')

const options = { module: 'https', nativeOnly: true }

test(
  'servers whose certificates are revoked, and lists that decide nothing',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const node = require('node:https')
    const { certificates: c, leaf: key, lists } = require('../helpers/pki-crl.cjs')
    const self = require('../helpers/certificate.cjs')
    const { keys, certificates: other } = require('../helpers/pki.cjs')
    const behind = `${c.behind}\n${c.inter}`
    const behindRevoked = `${c.behindRevoked}\n${c.inter}`
    const cases = {
      valid: [c.good, lists.rootCrl],
      'valid, a list without entries': [c.good, lists.rootCrlEmpty],
      revoked: [c.revoked, lists.rootCrl],
      'revoked, the list as bytes': [c.revoked, Buffer.from(lists.rootCrl)],
      'revoked, by another list': [c.revoked, lists.rootCrlEmpty],
      'revoked, by one of two lists': [c.revoked, [lists.rootCrlEmpty, lists.rootCrl]],
      'the list has expired': [c.good, lists.rootExpired],
      'revoked, the list has expired': [c.revoked, lists.rootExpired],
      'the list is not valid yet': [c.good, lists.rootFuture],
      'no list of the authority': [c.good, lists.interCrl],
      'behind another authority': [behind, [lists.rootCrl, lists.interCrl]],
      'revoked behind another authority': [behindRevoked, [lists.rootCrl, lists.interCrl]],
      'an authority is revoked': [behind, [lists.rootRevokesInter, lists.interCrl]],
      'no list of the nearer authority': [behind, lists.rootCrl],
      'no list of the farther authority': [behind, lists.interCrl],
      'an unknown authority': [c.behind, [lists.rootCrl, lists.interCrl]],
      'an empty list of lists': [c.revoked, []],
    }
    const ask = async (served, given) => {
      const server = https.createServer(served, (_req, res) => res.end())
      const port = await listen(server)
      for (const rejectUnauthorized of [true, false]) {
        const request = https.get({ port, host: 'localhost', family: 4, agent: false, rejectUnauthorized, ...given })
        request.on('error', (error) => log(error.code, error.message))
        request.on('response', (response) => {
          log(response.socket.authorized, response.socket.authorizationError)
          response.resume()
        })
        await closed(request)
      }
      server.close()
    }
    for (const [title, [cert, crl]] of Object.entries(cases)) {
      log(title)
      await ask({ key, cert }, { ca: c.root, crl })
    }
    log('signed by itself')
    await ask(self, { ca: c.root, crl: lists.rootCrl })
    log('signed by itself, trusted')
    await ask(self, { ca: self.cert, crl: lists.rootCrl })
    log('expired')
    await ask({ key: keys.leaf, cert: other.expired }, { ca: other.root, crl: lists.rootCrl })
    for (const crl of ['no list', Buffer.from('x'), 1, {}, [lists.rootCrl, 'x']]) {
      try {
        const request = node === https ? node.get({ port: 1, crl }) : https.get({ port: 1, crl })
        request.on('error', (error) => log('event', error.code))
        await closed(request)
      } catch (error) {
        log(error.name, error.code)
      }
      try {
        https.createServer({ crl })
        log('made')
      } catch (error) {
        log(error.name, error.code)
      }
    }
  }, options),
)

test(
  'clients whose certificates are revoked',
  parity(async (https, log, { listen }) => {
    const { certificates: c, leaf: key, lists } = require('../helpers/pki-crl.cjs')
    const cases = {
      valid: [c.good, lists.rootCrl],
      revoked: [c.revoked, lists.rootCrl],
      expired: [c.good, lists.rootExpired],
      'no list': [c.good, lists.interCrl],
      'behind another authority': [`${c.behind}\n${c.inter}`, [lists.rootCrl, lists.interCrl]],
      'revoked behind another authority': [`${c.behindRevoked}\n${c.inter}`, [lists.rootCrl, lists.interCrl]],
      none: [undefined, lists.rootCrl],
    }
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const rejectUnauthorized of [false, true]) {
        for (const [title, [cert, crl]] of Object.entries(cases)) {
          const trusted = { ca: c.root, crl, requestCert: true, rejectUnauthorized }
          const served = { key, cert: c.good, minVersion: version, maxVersion: version, ...trusted }
          const server = https.createServer(served, (req, res) => {
            log(req.socket.authorized, req.socket.authorizationError)
            res.end()
          })
          const failed = new Promise((resolve) => {
            server.on('tlsClientError', (error) => {
              log('tlsClientError', error.code)
              resolve()
            })
          })
          const port = await listen(server)
          log(version, title)
          const own = cert === undefined ? {} : { key, cert }
          await requestByNode({ port, ca: c.root, ...own })
          if (rejectUnauthorized && !['valid', 'behind another authority'].includes(title)) await failed
        }
      }
    }
  }, options),
)
