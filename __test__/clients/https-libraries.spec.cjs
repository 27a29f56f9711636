'use strict'
// Libraries over https, unchanged, with the register module in front: server and client have their TLS on I/O threads.
const { execFile } = require('node:child_process')
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const test = require('ava')
const { certificates } = require('../helpers/pki.cjs')

const REGISTER = path.resolve(__dirname, '../../dist/register.js')
const PROGRAM = path.join(__dirname, 'libraries/_secure.cjs')
const folder = mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-'))
test.after.always(() => rmSync(folder, { recursive: true }))

const extra = path.join(folder, 'root.pem')
writeFileSync(extra, certificates.root)

/** Whether the library's client uses node:https with the given certificate. */
const libraries = {
  axios: true,
  fetch: false,
  'follow-redirects': true,
  got: true,
  'node-fetch': true,
  'http-proxy': true,
  '@smithy/node-http-handler': true,
  superagent: true,
  ws: true,
  'socket.io': true,
}

for (const [name, isClient] of Object.entries(libraries)) {
  test(`${name}: TLS on I/O threads at both ends`, async (t) => {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: extra }
    const { stdout } = await promisify(execFile)(process.execPath, ['-r', REGISTER, PROGRAM, name], { env })
    const { responses, servers, clients } = JSON.parse(stdout)
    t.deepEqual(responses, [`GET ${isClient} `, `POST ${isClient} BODY`])
    t.deepEqual(servers, { compatible: {}, native: name === 'http-proxy' ? 2 : 1 })
    t.deepEqual([clients.native > 0, clients.compatible], [isClient, {}])
  })
}

test('https-proxy-agent: TLS of the server on I/O threads, that of the client in its own tunnel', async (t) => {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: extra }
  const { stdout } = await promisify(execFile)(process.execPath, ['-r', REGISTER, PROGRAM, 'https-proxy-agent'], {
    env,
  })
  const { responses, servers } = JSON.parse(stdout)
  t.deepEqual(responses, ['GET true ', 'POST true BODY'])
  t.deepEqual(servers, { compatible: {}, native: 1 })
})
