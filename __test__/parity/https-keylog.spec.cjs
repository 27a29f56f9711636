'use strict'
// 'keylog' of servers and agents, on both: the lines, and the events after them.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https', nativeOnly: true }

test(
  'of servers: lines, and their socket',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { cert, key } = require('../helpers/certificate.cjs')
    const node = require('node:https')
    const tls = require('node:tls')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const server = https.createServer({ cert, key, minVersion: version, maxVersion: version }, (_req, res) =>
        res.end(),
      )
      const lines = []
      const agents = []
      let logged = null
      server.on('keylog', (line, socket) => {
        log(line.constructor.name, /^\w+ [0-9a-f]{64} [0-9a-f]{64,96}\n$/.test(line.toString('latin1')))
        log(socket instanceof tls.TLSSocket, logged === null || logged === socket, server.listenerCount('keylog'))
        logged = socket
        lines.push(line.toString())
      })
      server.on('secureConnection', (socket) => log('secureConnection', socket === logged))
      const port = await listen(server)
      const agent = new node.Agent({ ca: cert })
      agent.on('keylog', (line) => agents.push(line.toString()))
      const request = node.get({ port, host: 'localhost', family: 4, agent })
      request.on('response', (response) => response.resume())
      await closed(request)
      const labels = lines.map((line) => line.split(' ')[0]).sort()
      log(labels, lines.sort().join('') === agents.sort().join(''))
    }
  }, options),
)

test(
  'of agents: lines, and their socket',
  parity(async (https, log, { until, after }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { cert, key } = require('../helpers/certificate.cjs')
    const node = require('node:https')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const server = node.createServer({ cert, key, minVersion: version, maxVersion: version }, (_req, res) =>
        res.end(),
      )
      const lines = []
      const served = []
      server.on('keylog', (line) => served.push(line.toString()))
      server.listen(0, '127.0.0.1')
      await until(server, 'listening')
      after(() => server.close())
      const agent = new https.Agent({ ca: cert })
      let logged = null
      agent.on('keylog', (line, socket) => {
        log(line.constructor.name, logged === null || logged === socket)
        logged = socket
        lines.push(line.toString())
      })
      const request = https.get({ port: server.address().port, host: 'localhost', family: 4, agent })
      request.on('socket', (socket) => socket.on('secureConnect', () => log('secureConnect', socket === logged)))
      request.on('response', (response) => {
        log('response', response.socket === logged)
        response.resume()
      })
      await closed(request)
      const labels = lines.map((line) => line.split(' ')[0]).sort()
      log(labels, lines.sort().join('') === served.sort().join(''))
    }
  }, options),
)

test(
  'listeners that are added later, and by once; handshakes that fail',
  parity(async (https, log, { listen, until }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { cert, key } = require('../helpers/certificate.cjs')
    const node = require('node:https')
    const server = https.createServer({ cert, key }, (_req, res) => res.end())
    const port = await listen(server)
    const ask = async (given) => {
      const request = node.get({ port, host: 'localhost', family: 4, agent: false, ca: cert, ...given })
      request.on('response', (response) => response.resume())
      request.on('error', () => log('failed'))
      await closed(request)
    }
    await ask()
    server.once('keylog', (line) => log('once', line.length > 0))
    await ask()
    await ask()
    let count = 0
    server.on('keylog', () => count++)
    await ask()
    log(count)
    server.on('tlsClientError', (error) => log('tlsClientError', error.code, count > 5))
    await Promise.all([ask({ ca: undefined }), until(server, 'tlsClientError')])
  }, options),
)

test(
  'sessions that are resumed: the labels of both sides',
  parity(async (https, log, { listen }) => {
    const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve))
    const { cert, key } = require('../helpers/certificate.cjs')
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const server = https.createServer({ cert, key, minVersion: version, maxVersion: version }, (req, res) =>
        res.end(String(req.socket.isSessionReused())),
      )
      const labels = { server: [], agent: [] }
      server.on('keylog', (line) => labels.server.push(line.toString().split(' ')[0]))
      const port = await listen(server)
      const agent = new https.Agent({ ca: cert })
      agent.on('keylog', (line) => labels.agent.push(line.toString().split(' ')[0]))
      for (let i = 0; i < 2; i++) {
        const request = https.get({ port, host: 'localhost', family: 4, agent })
        request.on('response', (response) => response.on('data', (data) => log(version, data.toString())))
        await closed(request)
        log(labels.server.splice(0).sort(), labels.agent.splice(0).sort())
      }
    }
  }, options),
)
