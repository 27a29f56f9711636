'use strict'
// Contexts that a server's program chooses by the client's hello, on I/O threads; and when node:tls has to serve a client.
const tls = require('node:tls')
const { cert, key } = require('../helpers/certificate.cjs')

/** A context that is older than ferrohttp, which does not know its origin. */
const older = tls.createSecureContext({ cert, key })

const { once } = require('node:events')
const net = require('node:net')
const test = require('ava')
const ferrohttp = require('ferrohttp')
const https = require('ferrohttp/https')
const { listen } = require('../helpers/listen.cjs')
const { certificates: c, keys } = require('../helpers/pki.cjs')

/** Windows has no descriptors of sockets, with which a server could change to node:tls. */
const onThreads = process.platform === 'win32' ? test.serial.skip : test.serial

const counts = () => {
  const { native, compatible } = ferrohttp.stats().https
  return { native, compatible }
}

async function ask(port, options) {
  const request = https.get({ port, host: '127.0.0.1', agent: false, rejectUnauthorized: false, ...options })
  const [response] = await once(request, 'response')
  const { serialNumber } = response.socket.getPeerCertificate()
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { text, serialNumber }
}

const serial = (pem) => new (require('node:crypto').X509Certificate)(pem).serialNumber

onThreads('a context of unknown origin: node:tls serves this client and further ones', async (t) => {
  const asked = []
  const server = https.createServer(
    {
      key: keys.leaf,
      cert: c.direct,
      SNICallback: (name, done) => {
        asked.push(name)
        setImmediate(done, null, name === 'old.example' ? older : null)
      },
    },
    (req, res) => res.end(`${req.socket.servername} ${req.socket.constructor.name}`),
  )
  const port = await listen(t, server)
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false })
  t.teardown(() => agent.destroy())
  const kept = { agent, servername: 'new.example' }
  t.is((await ask(port, kept)).serialNumber, serial(c.direct))
  const before = counts()
  t.deepEqual(await ask(port, { servername: 'old.example' }), {
    text: 'old.example TLSSocket',
    serialNumber: serial(cert),
  })
  const reason = 'SNICallback: secureContext'
  t.is(counts().compatible[reason], (before.compatible[reason] ?? 0) + 1)
  // node:tls asks again about the client that was passed to it.
  t.deepEqual(asked, ['new.example', 'old.example', 'old.example'])
  t.is((await ask(port, kept)).text, 'new.example TLSSocket')
  t.deepEqual(asked.length, 3)
  t.is((await ask(port, { servername: 'old.example' })).serialNumber, serial(cert))
  t.is((await ask(port, { servername: 'new.example' })).serialNumber, serial(c.direct))
  agent.destroy()
  server.close()
  await once(server, 'close')
})

onThreads('several clients wait for a context of unknown origin', async (t) => {
  const waiting = []
  const server = https.createServer(
    { key: keys.leaf, cert: c.direct, SNICallback: (_name, done) => waiting.push(done) },
    (req, res) => res.end(req.socket.servername),
  )
  const port = await listen(t, server)
  const names = ['a.example', 'b.example', 'c.example']
  const answers = names.map((servername) => ask(port, { servername }))
  const timer = setInterval(() => {
    for (const done of waiting.splice(0)) done(null, older)
  }, 1)
  const received = await Promise.all(answers)
  clearInterval(timer)
  t.deepEqual(
    received,
    names.map((text) => ({ text, serialNumber: serial(cert) })),
  )
  t.is(server.listening, true)
  server.close()
  await once(server, 'close')
})

onThreads('a client that has gone before its context of unknown origin came', async (t) => {
  let resume
  const asked = new Promise((resolve) => (resume = resolve))
  const server = https.createServer({ key: keys.leaf, cert: c.direct, SNICallback: (_name, done) => resume(done) })
  const port = await listen(t, server)
  const failed = once(server, 'tlsClientError')
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'a.example' }).on('error', () => {})
  const done = await asked
  client.destroy()
  t.is((await failed)[0].code, 'ECONNRESET')
  done(null, older)
  server.close()
  await once(server, 'close')
})

onThreads('contexts that change: what they are when a handshake ends', async (t) => {
  const context = tls.createSecureContext({ key: keys.leaf, cert: c.direct, ca: c.root })
  const server = https.createServer(
    { cert, key, requestCert: true, rejectUnauthorized: false, SNICallback: (_name, done) => done(null, context) },
    (req, res) => res.end(String(req.socket.authorized)),
  )
  const port = await listen(t, server)
  const before = counts()
  const own = { key: keys.client, cert: c.client, servername: 'a.example' }
  const self = { key, cert, servername: 'a.example' }
  t.is((await ask(port, own)).text, 'true')
  t.is((await ask(port, self)).text, 'false')
  context.context.addCACert(cert)
  t.is((await ask(port, self)).text, 'true')
  t.is((await ask(port, own)).text, 'true')
  t.deepEqual(counts(), before)
})

onThreads('a new context for each client resumes sessions of the same name, and of no other one', async (t) => {
  const server = https.createServer(
    {
      cert,
      key,
      SNICallback: (_name, done) => done(null, tls.createSecureContext({ key: keys.leaf, cert: c.direct })),
    },
    (req, res) => res.end(String(req.socket.isSessionReused())),
  )
  const port = await listen(t, server)
  const agent = new https.Agent({ rejectUnauthorized: false })
  const of = async (servername) => (await ask(port, { agent, servername })).text
  t.deepEqual([await of('a.example'), await of('a.example')], ['false', 'true'])
  // Names of sessions have the server's name, so the agent is asked for those of another one.
  agent.getName = () => 'the same'
  t.deepEqual([await of('b.example'), await of('c.example')], ['false', 'false'])
})

onThreads('many clients at once: each has the context and the protocol of its own name', async (t) => {
  const contexts = [
    { pem: c.direct, context: tls.createSecureContext({ key: keys.leaf, cert: c.direct }) },
    { pem: c.client, context: tls.createSecureContext({ key: keys.client, cert: c.client }) },
    { pem: cert, context: null },
  ]
  const server = https.createServer(
    {
      cert,
      key,
      SNICallback: (name, done) => {
        const number = Number.parseInt(name, 10)
        const answer = () => done(null, contexts[number % 3].context)
        if (number % 2 === 0) setTimeout(answer, (number * 7) % 20)
        else answer()
      },
      ALPNCallback: ({ servername, protocols }) => protocols[Number.parseInt(servername, 10) % 4],
    },
    (req, res) => res.end(`${req.socket.servername} ${req.socket.alpnProtocol} ${req.url}`),
  )
  const port = await listen(t, server)
  const one = async (number) => {
    const servername = `${number}.example`
    const ALPNProtocols = ['http/1.1', `a${number}`, `b${number}`, `c${number}`]
    const client = tls.connect({ port, host: '127.0.0.1', servername, ALPNProtocols, rejectUnauthorized: false })
    await once(client, 'secureConnect')
    const chosen = ALPNProtocols[number % 4]
    t.is(client.getPeerCertificate().serialNumber, serial(contexts[number % 3].pem))
    t.is(client.alpnProtocol, chosen)
    client.write(`GET /${number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    let text = ''
    for await (const chunk of client.setEncoding('utf8')) text += chunk
    t.true(text.endsWith(`${servername} ${chosen} /${number}`))
  }
  const broken = async (number) => {
    const peer = net.connect(port, '127.0.0.1').on('error', () => {})
    peer.end(Buffer.from([22, 3, 1, 0, number, 1, 0, 0, number, ...Buffer.alloc(number, number)]))
    peer.resume()
    await once(peer, 'close')
  }
  const numbers = Array.from({ length: 120 }, (_, number) => number)
  await Promise.all([...numbers.map(one), ...numbers.slice(0, 40).map(broken)])
})
