'use strict'
// NODE_DEBUG=http: lines at the same points as Node. Only their first words are compared.
const { spawnSync } = require('node:child_process')
const test = require('ava')
const { node } = require('../helpers/nodes.cjs')

const REFERENCE = node(24)

const SCRIPT = `
  const http = require('node:http')
  const ask = (options, part) =>
    new Promise((resolve) => {
      const request = http.request({ host: '127.0.0.1', port: server.address().port, ...options }, (response) => {
        response.resume().once('close', () => setImmediate(resolve))
      })
      request.on('error', () => setImmediate(resolve))
      if (part) request.write(part)
      request.end()
    })
  const server = http.createServer((request, response) => {
    request.resume()
    response.write('a')
    response.end('b')
  })
  server.on('upgrade', (request, socket) => socket.destroy())
  server.listen(0, '127.0.0.1', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    await ask({ agent })
    await Promise.all([ask({ agent, method: 'POST' }, 'x'), ask({ agent })])
    agent.destroy()
    await ask({ agent: false })
    await ask({ agent: false, headers: { connection: 'upgrade', upgrade: 'x' } })
    await ask({ agent: false, port: 1 })
    server.close()
  })
`

/** The number of lines of each kind. */
function kinds(binary, ...args) {
  const { stderr, status } = spawnSync(binary, [...args, '-e', SCRIPT], {
    encoding: 'utf8',
    env: { ...process.env, NODE_DEBUG: 'http' },
  })
  const counts = {}
  for (const line of stderr.split('\n')) {
    const [, text] = /^HTTP \d+: (.*)/.exec(line) ?? []
    if (text === undefined) continue
    const kind = text.replace(/ ?(localhost|127\.0\.0\.1|connect E|\d).*/, '').replace(/ =.*/, '')
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return { status, counts }
}

const on24 = REFERENCE === null ? test.skip : test

on24('an exchange of each kind', (t) => {
  t.deepEqual(kinds(REFERENCE, '--require', require.resolve('ferrohttp/register')), kinds(REFERENCE))
})

test('nothing without it', (t) => {
  const { stderr } = spawnSync(process.execPath, ['--require', require.resolve('ferrohttp/register'), '-e', SCRIPT], {
    encoding: 'utf8',
    env: { ...process.env, NODE_DEBUG: '' },
  })
  t.is(stderr, '')
})
