'use strict'
// Servers that decide by the client's hello, on both: `SNICallback`, `ALPNCallback`, and contexts that more than a certificate belongs to.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https', nativeOnly: true }

test(
  'SNICallback: its calls, their arguments, and the effect of each answer',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const own = require('../helpers/certificate.cjs')
    const tls = require('node:tls')
    const context = tls.createSecureContext({ key: keys.leaf, cert: c.direct })
    const answers = {
      context: (done) => done(null, context),
      'the context inside': (done) => done(null, context.context),
      'two arguments, later': (done) => setImmediate(done, null, context),
      'a context of its own': (done) => done(null, tls.createSecureContext({ key: keys.client, cert: c.client })),
      'a chain': (done) => done(null, tls.createSecureContext({ key: keys.leaf, cert: `${c.behind}\n${c.inter}` })),
      null: (done) => done(null, null),
      nothing: (done) => done(),
      'nothing, later': (done) => setImmediate(done),
      false: (done) => done(false, false),
      'a text': (done) => done(null, 'context'),
      'a number': (done) => done(null, 1),
      'a context without a certificate': (done) => done(null, tls.createSecureContext({})),
      'an error': (done) => done(new Error('no')),
      'an error, later': (done) => setImmediate(done, new Error('no')),
      'an error and a context': (done) => done(Object.assign(new Error('no'), { code: 'E_NO' }), context),
      throws: () => {
        throw new Error('thrown')
      },
      'an object': (done) => done(null, {}),
      'a function': (done) => done(null, () => {}),
      'destroy, then an answer': (done, socket) => {
        socket.destroy()
        done(null, context)
      },
      'destroy with an error, then an error': (done, socket) => {
        socket.destroy(new Error('first'))
        done(new Error('second'))
      },
    }
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const [title, answer] of Object.entries(answers)) {
        let asked = null
        const server = https.createServer({
          ...own,
          minVersion: version,
          maxVersion: version,
          SNICallback(name, done) {
            asked = this
            log('asked', name, this instanceof tls.TLSSocket, this.servername, this.alpnProtocol, this.authorized)
            log(this.encrypted, this.secureConnecting, this.getCipher()?.version ?? null, done.length)
            answer(done, this)
          },
        })
        server.on('secureConnection', (socket) => {
          log('secureConnection', socket === asked, socket.servername, socket.alpnProtocol, socket.secureConnecting)
          log(socket.getCertificate().serialNumber)
        })
        server.on('tlsClientError', (error, socket) => {
          log('tlsClientError', error.name, error.code, error.message, socket === asked, socket.destroyed)
        })
        server.on('clientError', (error) => log('clientError', error.message))
        const port = await listen(server)
        log(version, title)
        const client = tls.connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false })
        let failure = null
        client.on('error', (error) => (failure = error.code))
        client.on('secureConnect', () => client.end())
        const shown = []
        client.on('secureConnect', () => {
          for (let at = client.getPeerCertificate(true), last; at && at !== last; last = at, at = at.issuerCertificate)
            shown.push(at.serialNumber)
        })
        client.resume()
        await closed(client)
        server.close()
        await closed(server)
        log('client', shown, failure)
      }
    }
  }, options),
)

test(
  'SNICallback is not called for a client without a name; servers without a certificate of their own',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const tls = require('node:tls')
    const context = tls.createSecureContext({ key: keys.leaf, cert: c.direct })
    const SNICallback = (name, done) => {
      log('asked', name)
      done(null, name === 'known.example' ? context : null)
    }
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const servername of ['', 'known.example', 'unknown.example']) {
        const server = https.createServer({ SNICallback, minVersion: version, maxVersion: version })
        const decided = new Promise((resolve) => {
          server.once('secureConnection', resolve).once('tlsClientError', resolve)
        })
        server.on('secureConnection', (socket) => log('secureConnection', socket.servername))
        server.on('tlsClientError', (error) => log('tlsClientError', error.code))
        const port = await listen(server)
        const client = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
        let failure = null
        client.on('error', (error) => (failure = error.code))
        client.on('secureConnect', () => client.end())
        client.resume()
        // The client may receive the refusal before the server reports it.
        await Promise.all([closed(client), decided])
        server.close()
        await closed(server)
        log('client', failure)
      }
    }
  }, options),
)

test(
  'SNICallback calls back twice, or never within handshakeTimeout, or after the client has gone',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const own = require('../helpers/certificate.cjs')
    const tls = require('node:tls')
    const context = tls.createSecureContext(own)
    const cases = {
      'twice at once': (done) => {
        done(null, context)
        done(null, context)
      },
      'an error after an answer': (done) => {
        done(null, context)
        done(new Error('no'))
      },
      'an answer after an error': (done) => {
        done(new Error('no'))
        done(null, context)
      },
      never: () => {},
    }
    for (const [title, answer] of Object.entries(cases)) {
      const handshakeTimeout = title === 'never' ? 50 : 60_000
      const server = https.createServer({ ...own, handshakeTimeout, SNICallback: (_name, done) => answer(done) })
      server.on('tlsClientError', (error, socket) => {
        log('tlsClientError', error.code, error.message, socket.destroyed)
        socket.destroy()
      })
      const port = await listen(server)
      log(title)
      const client = tls.connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false })
      client.on('error', () => {})
      client.resume()
      await closed(client)
      server.close()
      await closed(server)
    }
    for (const late of [(done) => done(null, context), (done) => done(new Error('no'))]) {
      let resume
      const asked = new Promise((resolve) => (resume = resolve))
      const server = https.createServer({ ...own, SNICallback: (_name, done) => resume(done) })
      const failed = new Promise((resolve) => {
        server.on('tlsClientError', (error, socket) => {
          log('tlsClientError', error.code, error.message, socket.destroyed)
          resolve()
        })
      })
      const port = await listen(server)
      const client = tls.connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false })
      client.on('error', () => {})
      const done = await asked
      client.destroy()
      await failed
      late(done)
      server.close()
      await closed(server)
      log('closed')
    }
  }, options),
)

test(
  'ALPNCallback: its calls, their arguments, and the effect of each answer',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const own = require('../helpers/certificate.cjs')
    const tls = require('node:tls')
    const answers = {
      'the first': ({ protocols }) => protocols[0],
      'the last': ({ protocols }) => protocols.at(-1),
      undefined: () => undefined,
      'not offered': () => 'other',
      null: () => null,
      'a number': () => 1,
      'an empty text': () => '',
      throws: () => {
        throw new Error('thrown')
      },
      'destroy, then an answer': ({ protocols }, socket) => {
        socket.destroy()
        return protocols[0]
      },
    }
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const [title, answer] of Object.entries(answers)) {
        for (const servername of ['', 'a.example']) {
          let asked = null
          const server = https.createServer({
            ...own,
            minVersion: version,
            maxVersion: version,
            ALPNCallback(offer) {
              asked = this
              log('asked', { ...offer }, this instanceof tls.TLSSocket, this.servername, this.alpnProtocol)
              return answer(offer, this)
            },
          })
          server.on('secureConnection', (socket) => {
            log('secureConnection', socket === asked, socket.servername, socket.alpnProtocol)
          })
          server.on('tlsClientError', (error, socket) => {
            log('tlsClientError', error.name, error.code, /error:/.test(error.message) || error.message)
            log(socket === asked, socket.destroyed)
          })
          const port = await listen(server)
          log(version, title)
          const ALPNProtocols = ['x', 'http/1.1', 'y']
          const client = tls.connect({ port, host: '127.0.0.1', servername, ALPNProtocols, rejectUnauthorized: false })
          let failure = null
          client.on('error', (error) => (failure = error.code))
          client.on('secureConnect', () => client.end())
          client.resume()
          await closed(client)
          server.close()
          await closed(server)
          log('client', client.alpnProtocol, failure)
        }
      }
    }
  }, options),
)

test(
  'both callbacks: their order; clients that offer no protocol',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const own = require('../helpers/certificate.cjs')
    const tls = require('node:tls')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const ALPNProtocols of [undefined, ['a', 'b']]) {
        const server = https.createServer({
          ...own,
          minVersion: version,
          maxVersion: version,
          SNICallback: (name, done) => {
            log('name', name)
            setImmediate(() => {
              log('answer')
              done(null, null)
            })
          },
          ALPNCallback: ({ servername, protocols }) => {
            log('protocols', servername, protocols)
            return 'b'
          },
        })
        server.on('secureConnection', (socket) => log('secureConnection', socket.servername, socket.alpnProtocol))
        server.on('tlsClientError', (error) => log('tlsClientError', error.code))
        const port = await listen(server)
        const client = tls.connect({
          port,
          host: '127.0.0.1',
          servername: 'a.example',
          ALPNProtocols,
          rejectUnauthorized: false,
        })
        client.on('error', (error) => log('client', error.code))
        client.on('secureConnect', () => client.end())
        client.resume()
        await closed(client)
        server.close()
        await closed(server)
      }
    }
  }, options),
)

test(
  'requests: the server is closed while a client waits for its context',
  parity(async (https, log, { listen, until }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const own = require('../helpers/certificate.cjs')
    const node = require('node:https')
    for (const close of ['close', 'closeAllConnections', 'closeIdleConnections']) {
      let resume
      const asked = new Promise((resolve) => (resume = resolve))
      const server = https.createServer({ ...own, SNICallback: (_name, done) => resume(done) }, (req, res) => {
        log(req.url, req.socket.servername)
        res.setHeader('connection', 'close')
        res.end('answer')
      })
      const port = await listen(server)
      const serverClosed = closed(server)
      const request = node.get({ port, host: 'localhost', family: 4, path: '/a', ca: own.cert, agent: false })
      const answered = until(request, 'response')
      const done = await asked
      server.getConnections((_error, count) => log('connections', count))
      server[close]()
      setImmediate(done)
      const [response] = await answered
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      log(response.statusCode, text)
      if (close !== 'close') server.close()
      await serverClosed
      log('closed')
    }
  }, options),
)

test(
  'addContext: names with more than a certificate, and contexts',
  parity(async (https, log, { listen, until }) => {
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const own = require('../helpers/certificate.cjs')
    const tls = require('node:tls')
    const server = https.createServer(own)
    server.addContext('*.a.example', { key: keys.leaf, cert: c.direct, minVersion: 'TLSv1.2' })
    server.addContext('b.example', tls.createSecureContext({ key: keys.client, cert: c.client }))
    server.addContext('c*.example', { key: keys.leaf, cert: c.behind, ca: c.inter })
    server.addContext('d.example', { ca: c.root })
    const port = await listen(server)
    for (const servername of ['x.a.example', 'x.y.a.example', 'b.example', 'cc.example', 'd.example', 'localhost']) {
      const client = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
      await until(client, 'secureConnect')
      const { serialNumber, issuerCertificate } = client.getPeerCertificate(true)
      log(servername, serialNumber, issuerCertificate?.serialNumber ?? null)
      client.destroy()
    }
  }, options),
)

test(
  'addContext with requestCert: whom each name trusts',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { certificates: c, keys } = require('../helpers/pki.cjs')
    const own = require('../helpers/certificate.cjs')
    const tls = require('node:tls')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      for (const rejectUnauthorized of [false, true]) {
        const given = { ...own, ca: own.cert, requestCert: true, rejectUnauthorized }
        const server = https.createServer({ ...given, minVersion: version, maxVersion: version })
        server.addContext('a.example', { key: keys.leaf, cert: c.direct, ca: c.root })
        server.addContext('b.example', { key: keys.leaf, cert: c.direct })
        server.on('secureConnection', (socket) => {
          const { serialNumber } = socket.getPeerCertificate()
          log(socket.servername, socket.authorized, socket.authorizationError, serialNumber)
          socket.end()
        })
        server.on('tlsClientError', (error) => log('tlsClientError', error.code))
        const port = await listen(server)
        const identities = { client: { key: keys.client, cert: c.client }, own }
        for (const servername of ['a.example', 'b.example', 'localhost']) {
          for (const [title, identity] of Object.entries(identities)) {
            log(version, rejectUnauthorized, servername, title)
            const shown = new Promise((resolve) =>
              server.once('secureConnection', resolve).once('tlsClientError', resolve),
            )
            const client = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false, ...identity })
            client.on('error', () => {})
            client.resume()
            const ended = closed(client)
            await shown
            client.end()
            await ended
          }
        }
      }
    }
  }, options),
)
