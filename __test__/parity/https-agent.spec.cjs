'use strict'
// https.Agent on both: names, sessions, and which requests share connections.
const test = require('ava')
const { parity, whereNode24 } = require('../helpers/parity.cjs')

const options = { module: 'https' }

whereNode24(
  'members and defaults',
  parity(
    async (https, log) => {
      const agent = new https.Agent()
      log(agent.defaultPort, agent.protocol, agent.maxCachedSessions, agent._sessionCache, agent.options)
      log(new https.Agent({ defaultPort: 1, protocol: 'x:', maxCachedSessions: 2, keepAlive: true }).options)
      log(https.Agent({}) instanceof https.Agent, https.globalAgent.options, https.globalAgent.keepAlive)
    },
    { ...options, only24: true, isolated: true },
  ),
)

test(
  'names',
  parity(async (https, log) => {
    const agent = new https.Agent()
    const fields = ['ca', 'cert', 'clientCertEngine', 'ciphers', 'key', 'pfx', 'rejectUnauthorized', 'servername']
    fields.push('minVersion', 'maxVersion', 'secureProtocol', 'crl', 'honorCipherOrder', 'ecdhCurve', 'dhparam')
    fields.push('secureOptions', 'sessionIdContext', 'sigalgs', 'privateKeyIdentifier', 'privateKeyEngine')
    log(agent.getName(), agent.getName({}), agent.getName({ host: 'a', port: 1, localAddress: 'b', family: 6 }))
    for (const name of fields) log(agent.getName({ host: 'a', [name]: 'value' }), agent.getName({ [name]: false }))
    log(agent.getName(Object.fromEntries(fields.map((name) => [name, [name, Buffer.from('x')]]))))
  }, options),
)

test(
  'createConnection in all of its forms',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key })
    const port = await listen(server)
    const agent = new https.Agent()
    const given = { port, host: '127.0.0.1', rejectUnauthorized: false }
    for (const args of [
      [given],
      [port, '127.0.0.1', { rejectUnauthorized: false }],
      [port, { host: '127.0.0.1', rejectUnauthorized: false }],
      [null, given],
    ]) {
      const socket = agent.createConnection(...args)
      await until(socket, 'secureConnect')
      log(socket.encrypted, socket.authorized)
      socket.destroy()
    }
  }, options),
)

test(
  'sessions are kept by name, offered again, and forgotten when a connection fails',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key, maxVersion: 'TLSv1.2' }, (_req, res) => res.end('x'))
    const port = await listen(server)
    const ask = async (agent, given) => {
      const request = https.get({ port, host: 'localhost', family: 4, ca: cert, agent, ...given })
      const [response] = await until(request, 'response')
      log(
        response.socket.isSessionReused(),
        agent._sessionCache.list.length,
        Object.keys(agent._sessionCache.map).length,
      )
      response.resume()
      await until(response, 'close')
    }
    const agent = new https.Agent({ maxCachedSessions: 1 })
    await ask(agent)
    await ask(agent)
    await ask(agent, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })
    await ask(agent)
    const none = new https.Agent({ maxCachedSessions: 0 })
    await ask(none)
    await ask(none)
    agent._cacheSession('a', Buffer.from('b'))
    log(agent._sessionCache.list, agent._getSession('a'))
    agent._evictSession('a')
    agent._evictSession('missing')
    log(agent._sessionCache.list, agent._getSession('a'))
  }, options),
)

test(
  "requests with other trust do not get each other's connections",
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key }, (_req, res) => res.end('x'))
    const port = await listen(server)
    const agent = new https.Agent({ keepAlive: true })
    const ask = async (given) => {
      const request = https.get({ port, host: 'localhost', family: 4, agent, ...given })
      request.on('error', (error) => log(error.code))
      const [response] = await until(request, 'response').catch(() => [])
      if (response === undefined) return
      log(request.reusedSocket, response.socket.authorized)
      response.resume()
      await until(request, 'close')
    }
    await ask({ rejectUnauthorized: false })
    await ask({ rejectUnauthorized: false })
    await ask({})
    await ask({ ca: cert })
    await ask({ ca: cert })
    await ask({ ca: cert, servername: 'other.test' })
    agent.destroy()
  }, options),
)

test(
  'requests with equal names share connections, whether request or agent has the options',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key }, (_req, res) => res.end('x'))
    const port = await listen(server)
    const ask = async (agent, given) => {
      const request = https.get({ port, host: '127.0.0.1', agent, ...given })
      const [response] = await until(request, 'response').catch(() => [])
      if (response === undefined) return log('refused')
      log(request.reusedSocket, response.socket.servername)
      response.resume()
      await until(request, 'close')
      // Ports differ, and names are long.
      const names = Object.keys(agent.freeSockets).map((name) => name.replace(`:${port}:`, ':'))
      log(names.map((name) => `${name.slice(0, 20)} ${name.length - String(port).length}`))
    }
    const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false, family: 4 })
    await ask(agent)
    await ask(agent)
    await ask(agent, { headers: { host: 'a.test' } })
    await ask(agent, { headers: { host: 'a.test:1' } })
    await ask(agent, { headers: { host: 'b.test' } })
    await ask(agent, { host: 'localhost' })
    await ask(agent, { servername: 'a.test' })
    await ask(agent, { minVersion: 'TLSv1.3' })
    await ask(agent, { rejectUnauthorized: true })
    await ask(agent)
    agent.options.maxVersion = 'TLSv1.2'
    await ask(agent)
    await ask(agent)
    agent.options.servername = 'c.test'
    await ask(agent)
    await ask(agent, { headers: { host: 'a.test' } })
    agent.destroy()

    const trusting = new https.Agent({ keepAlive: true, ca: [], servername: '' })
    await ask(trusting)
    trusting.options.ca.push(cert)
    await ask(trusting)
    await ask(trusting)
    trusting.destroy()

    const ca = Buffer.from(`${cert}\n`)
    const changed = new https.Agent({ keepAlive: true, ca: [ca], servername: '', rejectUnauthorized: false })
    await ask(changed)
    await ask(changed)
    ca[ca.length - 1] = ' '.charCodeAt(0)
    await ask(changed)
    await ask(changed)
    changed.destroy()

    class Changing extends https.Agent {
      createConnection(options, callback) {
        options.ecdhCurve = 'P-256'
        return super.createConnection(options, callback)
      }
    }
    const changing = new Changing({ keepAlive: true, rejectUnauthorized: false })
    await ask(changing)
    await ask(changing)
    changing.destroy()

    class Named extends https.Agent {
      getName(options) {
        return `own:${options.path}`
      }
    }
    const named = new Named({ keepAlive: true, rejectUnauthorized: false })
    await ask(named, { path: '/a' })
    await ask(named, { path: '/b' })
    named.destroy()
  }, options),
)

test(
  'keylog of sockets and of the agent',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const server = https.createServer({ cert, key }, (_req, res) => res.end('x'))
    const kinds = new Set()
    server.on('keylog', (line, socket) => kinds.add(`server ${line.toString().split(' ')[0]} ${socket.encrypted}`))
    const port = await listen(server)
    const agent = new https.Agent({ ca: cert })
    agent.on('keylog', (line, socket) => kinds.add(`agent ${line.toString().split(' ')[0]} ${socket.encrypted}`))
    const [response] = await until(https.get({ port, host: 'localhost', family: 4, agent }), 'response')
    response.resume()
    await until(response, 'close')
    log([...kinds].sort())
  }, options),
)
