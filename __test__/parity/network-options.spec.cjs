'use strict'
// Options that Node's sockets check, and a process that may not use the network.
const test = require('ava')
const { spawnSync } = require('node:child_process')
const { node } = require('../helpers/nodes.cjs')
const { parity, whereNode24 } = require('../helpers/parity.cjs')

whereNode24(
  'autoSelectFamily and its attempt timeout',
  parity(
    async (http, log, tools) => {
      const { once } = require('node:events')
      const server = http.createServer((_request, response) => response.end('x'))
      const port = await tools.listen(server)
      const values = [undefined, null, true, false, 0, 1, 5, 250, 1.5, -1, 'true', 2 ** 31, NaN, Infinity, {}]
      for (const name of ['autoSelectFamily', 'autoSelectFamilyAttemptTimeout']) {
        for (const value of values) {
          for (const agent of [false, new http.Agent({ [name]: value })]) {
            const options = agent === false ? { [name]: value, agent } : { agent }
            try {
              const request = http.get({ host: 'localhost', family: 4, port, ...options })
              const [response] = await once(request, 'response')
              response.resume()
              await once(response, 'close')
              log(name, String(value), response.statusCode)
            } catch (error) {
              log(name, String(value), error.code, error.message)
            }
          }
        }
      }
    },
    { only24: true, isolated: true },
  ),
)

whereNode24(
  'backlog',
  parity(
    async (http, log) => {
      const values = [1, 0, -1, '5', 'x', 1.5, NaN, Infinity, 2 ** 31, 2 ** 32 + 5, null, {}, [], true, 5n, Symbol('b')]
      for (const backlog of values) {
        for (const form of ['options', 'arguments']) {
          const server = http.createServer()
          const listens = new Promise((resolve) => server.once('listening', resolve))
          try {
            if (form === 'options') server.listen({ port: 0, backlog })
            else server.listen(0, backlog)
            await listens
            log(form, String(backlog), 'listens')
            await new Promise((resolve) => server.close(resolve))
          } catch (error) {
            log(form, String(backlog), error.name, error.message)
          }
        }
      }
    },
    { only24: true, isolated: true },
  ),
)

const SCRIPT = `
  const http = require('node:http')
  const print = (what, error) => console.log(what, error.code, error.message, error.syscall, error.permission, error.resource)
  const attempt = (what, act) => {
    try {
      act().on('error', (error) => print(what, error))
    } catch (error) {
      print(what + ' throws', error)
    }
  }
  const listen = (...args) => http.createServer().listen(...args, () => console.log('listens'))
  attempt('listen', () => listen(0))
  attempt('listen on a path', () => listen('/tmp/ferrohttp-never'))
  attempt('get', () => http.get('http://127.0.0.1:1/'))
  attempt('get without an agent', () => http.get({ port: 1, host: '127.0.0.1', agent: false }))
  attempt('get by a name', () => http.get('http://localhost:1/'))
  attempt('get from a path', () => http.get({ socketPath: '/nope' }))
  attempt('get by an agent', () => http.get({ port: 1, agent: new http.Agent({ keepAlive: true }) }))
`

// --allow-net is newer than Node 24.
const newest = node(26)
const on26 = newest === null ? test.skip : test

on26('without --allow-net the network is refused as by Node', (t) => {
  const run = (...args) => {
    const flags = ['--permission', '--allow-fs-read=*', '--allow-addons', ...args]
    const { stdout, status } = spawnSync(newest, [...flags, '-e', SCRIPT], { encoding: 'utf8' })
    return { lines: stdout.split('\n').sort(), status }
  }
  const expected = run()
  t.is(expected.lines.filter((line) => line.includes('ERR_ACCESS_DENIED')).length, 7)
  t.deepEqual(run('--require', require.resolve('ferrohttp/register')), expected)
})
