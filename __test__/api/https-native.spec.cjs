'use strict'
// Servers whose TLS is an I/O thread's: which those are, and how they change to node:tls.
const { generateKeyPairSync } = require('node:crypto')
const { once } = require('node:events')
const net = require('node:net')
const test = require('ava')
const tls = require('node:tls')
const ferrohttp = require('ferrohttp')
const https = require('ferrohttp/https')
const { listen } = require('../helpers/listen.cjs')
const { cert, key, version1 } = require('../helpers/certificate.cjs')
const { certificates } = require('../helpers/pki.cjs')
const { bundles } = require('../helpers/pkcs12.cjs')
const { certificates: listed, leaf, lists } = require('../helpers/pki-crl.cjs')

/** Windows has no descriptors of sockets, with which a server could change to node:tls. */
const onThreads = process.platform === 'win32' ? test.serial.skip : test.serial

const counts = () => {
  const { native, compatible } = ferrohttp.stats().https
  return { native, compatible }
}

async function ask(port, options) {
  const ca = [cert, version1, certificates.root]
  const request = https.get({ port, host: 'localhost', family: 4, ca, agent: false, ...options })
  const [response] = await once(request, 'response')
  const socket = { protocol: response.socket.getProtocol(), cipher: response.socket.getCipher().name }
  const shown = response.socket.getPeerCertificate().subject.CN
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { text, shown, ...socket }
}

const nativeOptions = {
  plain: {},
  'an encrypted key': {
    key: require('node:crypto')
      .createPrivateKey(key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }),
    passphrase: 'secret',
  },
  'a certificate of version 1': { cert: version1 },
  'lists of Buffers': { key: [Buffer.from(key)], cert: [Buffer.from(cert)] },
  'a key with its passphrase': { key: [{ pem: key, passphrase: 'unused' }] },
  'TLS 1.2 alone': { maxVersion: 'TLSv1.2' },
  'TLS 1.3 alone': { minVersion: 'TLSv1.3' },
  'names of suites': { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256' },
  'classes of suites': { ciphers: 'HIGH:!aNULL:!MD5' },
  curves: { ecdhCurve: 'P-256:X25519' },
  protocols: { ALPNProtocols: ['x', 'http/1.1'] },
  authorities: { ca: cert },
  'clients with certificates': { requestCert: true, rejectUnauthorized: false },
  'a bundle': { pfx: bundles.behind, passphrase: 'secret' },
  'keys of tickets': { ticketKeys: Buffer.alloc(48, 1) },
  'the lifetime of sessions': { sessionTimeout: 100 },
  'contexts by names': { SNICallback: (_name, done) => done(null, tls.createSecureContext({ cert, key })) },
  'protocols by a function': { ALPNCallback: ({ protocols }) => protocols[0] },
  'lists of revoked certificates': {
    ca: listed.root,
    crl: lists.rootCrl,
    requestCert: true,
    rejectUnauthorized: false,
  },
}

for (const [title, options] of Object.entries(nativeOptions)) {
  onThreads(`an I/O thread serves: ${title}`, async (t) => {
    const before = counts()
    const server = https.createServer({ cert, key, ...options }, (req, res) => res.end(req.socket.getProtocol()))
    const { text, protocol } = await ask(await listen(t, server))
    t.is(text, protocol)
    t.deepEqual(counts(), { ...before, native: before.native + 1 })
  })
}

const compatibleOptions = {
  sigalgs: { sigalgs: 'ECDSA+SHA256' },
  'minVersion: TLSv1': { minVersion: 'TLSv1' },
  'ciphers: AES128-SHA': { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:AES128-SHA' },
  'ecdhCurve: P-521': { ecdhCurve: 'P-521:P-256' },
}

for (const [reason, options] of Object.entries(compatibleOptions)) {
  onThreads(`node:tls serves: ${reason}`, async (t) => {
    const before = counts()
    const server = https.createServer({ cert, key, ...options }, (_req, res) => res.end('answer'))
    t.is((await ask(await listen(t, server))).text, 'answer')
    const { native, compatible } = counts()
    t.is(native, before.native)
    t.is(compatible[reason], (before.compatible[reason] ?? 0) + 1)
  })
}

onThreads('node:tls serves a client whose hello rustls refuses, and no other client', async (t) => {
  const server = https.createServer({ cert, key }, (req, res) => res.end(req.socket.getCipher().name))
  const port = await listen(t, server)
  const before = counts()
  const own = { ciphers: 'ECDHE-ECDSA-AES128-SHA', maxVersion: 'TLSv1.2' }
  t.is((await ask(port, own)).text, 'ECDHE-ECDSA-AES128-SHA')
  const after = counts()
  t.is(after.native, before.native)
  t.is(after.compatible['client: hello'], (before.compatible['client: hello'] ?? 0) + 1)
  t.is((await ask(port)).text, 'TLS_AES_256_GCM_SHA384')
  t.deepEqual(counts(), after)
})

const changes = {
  "listener: 'connection'": (server) => server.on('connection', () => {}),
  "listener: 'newSession'": (server) => server.once('newSession', () => {}),
  'minVersion: TLSv1': (server) => server.setSecureContext({ cert, key, minVersion: 'TLSv1' }),
}

for (const [reason, change] of Object.entries(changes)) {
  onThreads(`a server changes to node:tls, and what stands stays: ${reason}`, async (t) => {
    const server = https.createServer({ cert, key }, (req, res) => res.end(req.socket.constructor.name + req.url))
    let listened = 0
    server.on('listening', () => listened++)
    const port = await listen(t, server)
    const agent = new https.Agent({ keepAlive: true, ca: cert })
    t.teardown(() => agent.destroy())
    t.is((await ask(port, { agent, path: '/before' })).text, 'TLSSocket/before')
    const before = counts().compatible[reason] ?? 0
    const address = server.address()
    change(server)
    t.is(counts().compatible[reason], before + 1)
    t.deepEqual(server.address(), address)
    const [socket] = Object.values(agent.freeSockets)[0]
    t.is((await ask(port, { agent, path: '/kept' })).text, 'TLSSocket/kept')
    t.false(socket.destroyed)
    t.is((await ask(port, { path: '/after' })).text, 'TLSSocket/after')
    t.is(listened, 1)
    agent.destroy()
    server.close()
    await once(server, 'close')
    await t.throwsAsync(ask(port), { code: 'ECONNREFUSED' })
  })
}

onThreads("servers with the same keys resume each other's sessions", async (t) => {
  const answer = (req, res) => res.end(String(req.socket.isSessionReused()))
  const before = counts()
  const first = https.createServer({ cert, key }, answer)
  const second = https.createServer({ cert, key, ticketKeys: Buffer.alloc(48, 1) }, answer)
  const ports = [await listen(t, first), await listen(t, second)]
  const agent = new https.Agent({ ca: cert })
  // Names of sessions have ports, so the agent is asked for the other server's by the first one's.
  agent.getName = () => 'the same'
  const asked = async (port) => (await ask(port, { agent })).text
  t.deepEqual([await asked(ports[0]), await asked(ports[0])], ['false', 'true'])
  t.is(await asked(ports[1]), 'false')
  second.setTicketKeys(first.getTicketKeys())
  t.deepEqual(first.getTicketKeys(), second.getTicketKeys())
  t.is(await asked(ports[0]), 'false')
  t.deepEqual([await asked(ports[1]), await asked(ports[0])], ['true', 'true'])
  t.deepEqual(counts(), { ...before, native: before.native + 2 })
})

onThreads('setSecureContext holds for the next handshakes', async (t) => {
  const server = https.createServer({ cert, key }, (req, res) => res.end(req.socket.getCertificate().subject.CN))
  const port = await listen(t, server)
  const before = counts()
  t.is((await ask(port)).protocol, 'TLSv1.3')
  server.setSecureContext({ cert, key, maxVersion: 'TLSv1.2' })
  t.is((await ask(port)).protocol, 'TLSv1.2')
  t.deepEqual(counts(), before)
})

onThreads('addContext holds for the next handshakes', async (t) => {
  const server = https.createServer({}, (req, res) => res.end(String(req.socket.servername)))
  server.addContext('*.a.test', { cert, key })
  const port = await listen(t, server)
  const before = counts()
  const accepting = { checkServerIdentity: () => undefined }
  t.is((await ask(port, { servername: 'x.a.test', ...accepting })).text, 'x.a.test')
  await t.throwsAsync(ask(port, { servername: 'b.test', ...accepting }))
  server.addContext('b.test', { cert, key })
  t.is((await ask(port, { servername: 'b.test', ...accepting })).text, 'b.test')
  t.deepEqual(counts(), before)
})

onThreads("agents' connections, and servers, with 'keylog' and lists of revoked certificates", async (t) => {
  const before = ferrohttp.stats().https
  const served = { key: leaf, cert: listed.good, ca: listed.root, crl: lists.rootCrl, requestCert: true }
  const server = https.createServer(served, (_req, res) => res.end())
  const port = await listen(t, server)
  let lines = 0
  server.on('keylog', () => lines++)
  const agent = new https.Agent({ ca: listed.root, key: leaf, cert: listed.good, crl: lists.rootCrl })
  agent.on('keylog', () => lines++)
  const request = https.get({ port, host: 'localhost', family: 4, agent })
  const [response] = await once(request, 'response')
  response.resume()
  await once(response, 'end')
  const { clients, native, compatible } = ferrohttp.stats().https
  t.is(lines, 10)
  t.is(native, before.native + 1)
  t.deepEqual(compatible, before.compatible)
  t.is(clients.native, before.clients.native + 1)
})

onThreads('keys without their certificates are for OpenSSL to refuse or to serve', (t) => {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const message = t.throws(() => tls.createServer({ cert, key: privateKey })).code
  t.is(t.throws(() => https.createServer({ cert, key: privateKey })).code, message)
})

onThreads('many connections at once, garbage among them: each gets what is its own', async (t) => {
  const server = https.createServer({ cert, key }, (req, res) => {
    const chunks = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => res.end(Buffer.concat([Buffer.from(req.url), ...chunks])))
  })
  let failed = 0
  server.on('tlsClientError', () => failed++)
  const port = await listen(t, server)
  const agent = new https.Agent({ keepAlive: true, ca: cert, maxSockets: 16 })
  t.teardown(() => agent.destroy())
  const one = async (number) => {
    const body = Buffer.alloc((number * 7919) % 50_000, String(number))
    const request = https.request({ port, host: 'localhost', family: 4, agent, method: 'POST', path: `/${number}` })
    request.end(body)
    const [response] = await once(request, 'response')
    const chunks = []
    for await (const chunk of response) chunks.push(chunk)
    return Buffer.concat(chunks).equals(Buffer.concat([Buffer.from(`/${number}`), body]))
  }
  const broken = async (bytes) => {
    const peer = net.connect(port, '127.0.0.1').on('error', () => {})
    peer.end(bytes)
    peer.resume()
    await once(peer, 'close')
  }
  const numbers = Array.from({ length: 300 }, (_, i) => i)
  const garbage = numbers.slice(0, 60).map((i) => Buffer.from([22, 3, i % 4, 0, i, ...Buffer.alloc(i, i)]))
  const [whole] = await Promise.all([Promise.all(numbers.map(one)), ...garbage.map(broken)])
  t.true(whole.every(Boolean))
  t.true(failed > 0)
})

onThreads('what a socket says', async (t) => {
  const { promise: report, resolve } = Promise.withResolvers?.() ?? withResolvers()
  const server = https.createServer({ cert, key }, (req, res) => {
    const { socket } = req
    resolve({
      instance: socket instanceof tls.TLSSocket,
      certificate: socket.getX509Certificate().subject,
      material: socket.exportKeyingMaterial(16, 'label', Buffer.from('context')).toString('hex'),
      none: [socket.getSession(), socket.getTLSTicket(), socket.getFinished(), socket.getPeerX509Certificate()],
      peer: socket.getPeerCertificate(true),
      info: socket.getEphemeralKeyInfo(),
      renegotiated: socket.renegotiate({}, () => {}),
    })
    res.end()
  })
  const port = await listen(t, server)
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert })
  await once(client, 'secureConnect')
  const material = client.exportKeyingMaterial(16, 'label', Buffer.from('context')).toString('hex')
  client.end('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  client.resume()
  t.deepEqual(await report, {
    instance: true,
    certificate: 'CN=localhost',
    material,
    none: [undefined, undefined, undefined, undefined],
    peer: {},
    info: null,
    renegotiated: false,
  })
  await once(client, 'end')
})

onThreads('a connection counts when its handshake is complete', async (t) => {
  const server = https.createServer({ cert, key })
  const port = await listen(t, server)
  const count = () => new Promise((resolve) => server.getConnections((_error, number) => resolve(number)))
  const silent = net.connect(port, '127.0.0.1')
  t.teardown(() => silent.destroy())
  await once(silent, 'connect')
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert })
  t.teardown(() => client.destroy())
  await Promise.all([once(client, 'secureConnect'), once(server, 'secureConnection')])
  t.is(await count(), 1)
})

function withResolvers() {
  const made = {}
  made.promise = new Promise((resolve) => {
    made.resolve = resolve
  })
  return made
}
