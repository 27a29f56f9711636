'use strict'
// The check of one request does not hold for the connections of others, on any Node.
const { once } = require('node:events')
const test = require('ava')
const https = require('ferrohttp/https')
const { cert, key } = require('../helpers/certificate.cjs')

test('a request with a checkServerIdentity of its own shares neither connection nor session', async (t) => {
  const server = https.createServer({ cert, key }, (_req, res) => res.end('x')).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const agent = new https.Agent({ keepAlive: true, ca: cert })
  t.teardown(() => agent.destroy())
  const ask = async (options) => {
    const { port } = server.address()
    const request = https.get({ port, host: 'localhost', family: 4, agent, ...options })
    const [response] = await once(request, 'response')
    const outcome = [request.reusedSocket, response.socket.isSessionReused()]
    response.resume()
    await once(request, 'close')
    return outcome
  }
  const accepting = { servername: 'other.test', checkServerIdentity: () => undefined }
  t.deepEqual(await ask(accepting), [false, false])
  t.deepEqual(await ask(accepting), [false, false])
  await t.throwsAsync(ask({ servername: 'other.test' }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  t.deepEqual(Object.keys(agent.freeSockets), [])
  t.deepEqual(await ask({}), [false, false])
  t.deepEqual((await ask({}))[0], true)
})
