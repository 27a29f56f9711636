'use strict'
// Which https requests have their TLS on I/O threads, and which of them share connections and sessions.
const { execFile } = require('node:child_process')
const { createPrivateKey } = require('node:crypto')
const { once } = require('node:events')
const http = require('node:http')
const nodeHttps = require('node:https')
const net = require('node:net')
const tls = require('node:tls')
const { promisify } = require('node:util')
const test = require('ava')
const ferrohttp = require('ferrohttp')
const https = require('ferrohttp/https')
const { listen } = require('../helpers/listen.cjs')
const { certificates, keys } = require('../helpers/pki.cjs')
const { bundles } = require('../helpers/pkcs12.cjs')
const limits = require('../helpers/pki-limits.cjs')

const counts = () => ferrohttp.stats().https.clients

async function listening(t, options, listener = (_req, res) => res.end('answer')) {
  const server = nodeHttps.createServer({ key: keys.leaf, cert: certificates.direct, ...options }, listener)
  return listen(t, server)
}

async function ask(port, options) {
  const request = https.get({ port, host: 'localhost', family: 4, ca: certificates.root, agent: false, ...options })
  const [response] = await once(request, 'response')
  const { socket } = response
  // A closed socket has neither of them.
  const shown = { reused: socket.isSessionReused(), protocol: socket.getProtocol() }
  let text = ''
  for await (const part of response.setEncoding('utf8')) text += part
  return { text, socket, ...shown }
}

const nativeOptions = {
  plain: {},
  'a list of authorities': { ca: [certificates.inter, Buffer.from(certificates.root)] },
  'no verification': { ca: undefined, rejectUnauthorized: false },
  'a name': { servername: 'localhost' },
  'an address': { host: '127.0.0.1' },
  'a check': { servername: 'other.test', checkServerIdentity: () => undefined },
  'TLS 1.2 alone': { maxVersion: 'TLSv1.2' },
  'TLS 1.3 alone': { minVersion: 'TLSv1.3' },
  suites: { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256' },
  protocols: { ALPNProtocols: ['http/1.1'] },
  'a certificate': { key: keys.client, cert: certificates.client },
  'a bundle': { pfx: bundles.client, passphrase: 'secret' },
  'an agent': { agent: new https.Agent({ keepAlive: false }) },
}

for (const [title, options] of Object.entries(nativeOptions)) {
  test.serial(`an I/O thread connects: ${title}`, async (t) => {
    const port = await listening(t)
    const before = counts()
    const { text, socket } = await ask(port, options)
    t.is(text, 'answer')
    t.true(socket instanceof tls.TLSSocket)
    t.deepEqual(counts(), { ...before, native: before.native + 1 })
  })
}

const compatibleOptions = {
  sigalgs: { sigalgs: 'ECDSA+SHA256' },
  secureContext: { secureContext: tls.createSecureContext({ ca: certificates.root }) },
  highWaterMark: { highWaterMark: 0 },
  'minVersion: TLSv1': { minVersion: 'TLSv1' },
  createConnection: {
    agent: Object.assign(new https.Agent(), {
      createConnection: https.Agent.prototype.createConnection.bind(https.globalAgent),
    }),
  },
}

for (const [reason, options] of Object.entries(compatibleOptions)) {
  test.serial(`node:tls connects: ${reason}`, async (t) => {
    const port = await listening(t)
    const before = counts()
    t.is((await ask(port, options)).text, 'answer')
    t.is(counts().native, before.native)
    t.is(counts().compatible[reason], (before.compatible[reason] ?? 0) + 1)
  })
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
  test.serial(`a session is resumed by the agent that has it, and by no other: ${maxVersion}`, async (t) => {
    const port = await listening(t, { maxVersion })
    const agent = new https.Agent()
    t.false((await ask(port, { agent })).reused)
    t.true((await ask(port, { agent })).reused)
    t.false((await ask(port, { agent: new https.Agent() })).reused)
    t.false((await ask(port, { agent, servername: 'other.test', checkServerIdentity: () => undefined })).reused)
    t.false((await ask(port, { agent, rejectUnauthorized: false })).reused)
    t.false((await ask(port, { agent: new https.Agent({ maxCachedSessions: 0 }) })).reused)
  })

test.serial('a refused server leaves no session', async (t) => {
  const port = await listening(t)
  const agent = new https.Agent()
  await t.throwsAsync(ask(port, { agent, ca: certificates.inter }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  t.deepEqual(agent._sessionCache.list, [])
})

const behind = (authority) => `${limits.behind}\n${authority}`
// [cert, ca, code]; Node accepts all of them.
const stricter = {
  'an authority without basicConstraints': [limits.direct, limits.withoutConstraints, 'CERT_REJECTED'],
  'an authority whose signature is not its own': [limits.direct, limits.forged, 'CERT_REJECTED'],
  'such an authority of another one': [behind(limits.inter), limits.forged, 'CERT_REJECTED'],
  'a common name below an authority for other names': [limits.commonName, limits.otherNames, 'UNSPECIFIED'],
  'a common name below an authority for this name': [limits.commonName, limits.sameNames, 'UNSPECIFIED'],
}

for (const [title, [cert, ca, code]] of Object.entries(stricter))
  test.serial(`stricter than Node: ${title}`, async (t) => {
    const port = await listening(t, { cert })
    await t.throwsAsync(ask(port, { ca }), { code })
    const request = nodeHttps.get({ port, host: 'localhost', family: 4, ca, agent: false })
    const [response] = await once(request, 'response')
    t.true(response.socket.authorized)
    response.resume()
  })

test('a Node that is built with the certificates of OpenSSL has its TLS clients by node:tls', async (t) => {
  const program = `
    Object.defineProperty(process, 'config', { value: { target_defaults: { defines: ['NODE_OPENSSL_CERT_STORE'] } } })
    require('ferrohttp/https').get({ port: 1, host: '127.0.0.1', agent: false }).on('error', () => {})
    console.log(JSON.stringify(require('ferrohttp').stats().https.clients.compatible))`
  const run = (...flags) =>
    promisify(execFile)(process.execPath, [...flags, '-e', program]).then(({ stdout }) => JSON.parse(stdout))
  t.deepEqual(await run(), { NODE_OPENSSL_CERT_STORE: 1 })
  t.deepEqual(await run('--use-bundled-ca'), {})
})

const asBytes = {
  Uint8Array: (text) => new TextEncoder().encode(text),
  Uint16Array: (text) =>
    new Uint16Array(new TextEncoder().encode(text.padEnd(text.length + (text.length % 2), '\n')).buffer),
  DataView: (text) => new DataView(new TextEncoder().encode(text).buffer),
}

for (const [title, encode] of Object.entries(asBytes))
  test.serial(`options are copied: ${title}`, async (t) => {
    const port = await listening(t)
    const ca = encode(certificates.root)
    const before = counts()
    t.is((await ask(port, { ca })).text, 'answer')
    t.is((await ask(port, { ca: encode(certificates.root) })).text, 'answer')
    new Uint8Array(ca.buffer).fill(0)
    await t.throwsAsync(ask(port, { ca }))
    t.is(counts().native, before.native + 3)
  })

test.serial('options are copied: an object with a key', async (t) => {
  const asked = (req, res) => res.end(req.socket.getPeerCertificate().subject.CN)
  const port = await listening(t, { requestCert: true, rejectUnauthorized: false, ca: certificates.root }, asked)
  const key = { pem: keys.client }
  t.is((await ask(port, { key: [key], cert: [certificates.client] })).text, 'test client')
  key.pem = keys.leaf
  // The key is no longer that of the certificate.
  const mismatch = { code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' }
  await t.throwsAsync(ask(port, { key: [key], cert: [certificates.client] }), mismatch)
})

test.serial('a key that is in use already is not used with another passphrase', async (t) => {
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }
  const key = createPrivateKey(keys.client).export(encrypted)
  const port = await listening(t, { requestCert: true, ca: certificates.root })
  const agent = new https.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  for (const own of [
    { key, cert: certificates.client },
    { key: [{ pem: key }], cert: certificates.client },
    { pfx: bundles.client },
  ]) {
    t.is((await ask(port, { ...own, agent: false, passphrase: 'secret' })).text, 'answer')
    await t.throwsAsync(async () => ask(port, { ...own, agent: false, passphrase: 'wrong' }))
    await t.throwsAsync(async () => ask(port, { ...own, agent: false }))
    t.is((await ask(port, { ...own, agent: false, passphrase: 'secret' })).text, 'answer')
  }
})

/** A proxy that makes tunnels to `port`. `answer`: its first bytes. */
async function proxyTo(t, port, { answer = 'HTTP/1.1 200 OK\r\n\r\n', secure = false } = {}) {
  const options = { key: keys.leaf, cert: certificates.direct }
  const proxy = secure ? nodeHttps.createServer(options) : http.createServer()
  proxy.on('connect', (_req, socket) => {
    const upstream = net.connect(port, '127.0.0.1')
    for (const end of [socket, upstream]) end.on('error', () => {})
    socket.write(answer)
    socket.pipe(upstream).pipe(socket)
  })
  const own = await listen(t, proxy)
  return { HTTPS_PROXY: `${secure ? 'https' : 'http'}://localhost:${own}` }
}

const onUnix = process.platform === 'win32' ? test.serial.skip : test.serial

onUnix('an I/O thread continues in a tunnel', async (t) => {
  const port = await listening(t, {}, (req, res) => res.end(`${req.url} `.repeat(1 + (Number(req.url.slice(1)) % 97))))
  const before = counts()
  const proxyEnv = await proxyTo(t, port)
  const agent = new https.Agent({ keepAlive: true, proxyEnv })
  t.teardown(() => agent.destroy())
  // As in Node, requests do not wait for a tunnel that another one is making.
  const asked = Array.from({ length: 8 }, async (_, worker) => {
    for (let number = worker; number < 100; number += 8) {
      const { text } = await ask(port, { agent, path: `/${number}` })
      t.is(text, `/${number} `.repeat(1 + (number % 97)))
    }
  })
  await Promise.all(asked)
  t.deepEqual(counts(), { ...before, native: before.native + 8 })
  // The server is judged as without a proxy.
  const distrusting = new https.Agent({ proxyEnv })
  await t.throwsAsync(ask(port, { agent: distrusting, ca: certificates.inter }), {
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
  await t.throwsAsync(ask(port, { agent: distrusting, servername: 'other.test' }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
})

test.serial('node:tls connects in a tunnel of a proxy that has TLS itself', async (t) => {
  const port = await listening(t)
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
  t.teardown(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
  })
  // The proxy's certificate is not judged by the options of the request.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  const agent = new https.Agent({ proxyEnv: await proxyTo(t, port, { secure: true }) })
  const known = counts().compatible['proxy: https'] ?? 0
  t.is((await ask(port, { agent })).text, 'answer')
  t.is(counts().compatible['proxy: https'], known + 1)
})

test.serial('other default certificates hold for the next connections', async (t) => {
  if (tls.setDefaultCACertificates === undefined) return t.pass('this Node has no such function')
  const port = await listening(t)
  const before = tls.getCACertificates('default')
  await t.throwsAsync(ask(port, { ca: undefined }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  tls.setDefaultCACertificates([certificates.root])
  t.teardown(() => tls.setDefaultCACertificates(before))
  t.is((await ask(port, { ca: undefined })).text, 'answer')
})

test.serial('many connections at once: each request gets its own answer', async (t) => {
  const port = await listening(t, {}, (req, res) => res.end(`${req.url} `.repeat(1 + (Number(req.url.slice(1)) % 97))))
  const agent = new https.Agent({ keepAlive: true, maxSockets: 16 })
  t.teardown(() => agent.destroy())
  const asked = Array.from({ length: 300 }, async (_, number) => {
    const { text } = await ask(port, { agent, path: `/${number}` })
    return text === `/${number} `.repeat(1 + (number % 97))
  })
  t.deepEqual(new Set(await Promise.all(asked)), new Set([true]))
})
