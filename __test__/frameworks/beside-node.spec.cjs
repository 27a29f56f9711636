'use strict'
// Applications whose messages come from ferrohttp and from Node in one process.
const test = require('ava')
const http = require('node:http')
const path = require('node:path')
const { once } = require('node:events')
const ferrohttp = require('../../dist/index.js')
const { start } = require('../helpers/fixture.cjs')
const nodes = require('../helpers/nodes.cjs')
const { answer, nativeOnly } = require('./_roads.cjs')

const REGISTER = path.resolve(__dirname, '../../dist/register.js')

/** The answers to `ask` of a server of each kind, in turns, so that each follows the other once. */
async function askBoth(t, listener, ask) {
  const transcripts = []
  for (const module of [ferrohttp, http, ferrohttp, http]) {
    const server = module.createServer(listener).listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await once(server, 'listening')
    transcripts.push(await ask(server.address().port))
  }
  return transcripts
}

function application(edition) {
  const express = require(edition)
  const app = express()
  app.get('/', (req, res) => {
    res.set('X-Rest', [req.ip, req.protocol, req.socket === res.socket, req.rawHeaders.length].join())
    res.json([
      req instanceof http.IncomingMessage,
      res instanceof http.ServerResponse,
      req.headers.host,
      res.headersSent,
    ])
  })
  app.post('/', express.json(), (req, res) => {
    res.write('got ')
    res.addTrailers({ 'X-Sum': '1' })
    res.end(JSON.stringify(req.body))
  })
  return app
}

const ask = async (port) => [
  await answer(port, 'GET /'),
  await answer(port, 'POST /', { 'Content-Type': 'application/json' }, '{"a":1}'),
]

for (const edition of ['express', 'express4']) {
  test.serial(`${edition}: one application on servers of both`, async (t) => {
    const transcripts = await askBoth(t, application(edition), ask)
    for (const other of transcripts) t.deepEqual(other, transcripts[1])
    t.regex(transcripts[0][0], /\r\n\[true,true,"a\.test",false\]/)
    nativeOnly(t, ferrohttp.stats().server, edition)
  })
}

test.serial('an application that another listener calls, of a framework that is not loaded before', async (t) => {
  for (const edition of ['express', 'express4']) {
    for (const file of Object.keys(require.cache)) {
      if (file.includes(`${path.sep}${edition}${path.sep}`)) delete require.cache[file]
    }
    const app = application(edition)
    const transcripts = await askBoth(t, (req, res) => app(req, res), ask)
    for (const other of transcripts) t.deepEqual(other, transcripts[1])
  }
})

test.serial('a method replaced after the fact is the one that is called', async (t) => {
  const app = require('express')()
  app.get('/', (_req, res) => res.end('as it was'))
  const server = ferrohttp.createServer(app).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { end } = ferrohttp.ServerResponse.prototype
  t.teardown(() => {
    ferrohttp.ServerResponse.prototype.end = end
  })
  ferrohttp.ServerResponse.prototype.end = function () {
    return end.call(this, 'replaced')
  }
  t.true((await answer(server.address().port, 'GET /')).endsWith('replaced'))
})

test('objects that are no application are not changed', (t) => {
  const request = Object.create(http.IncomingMessage.prototype)
  const listener = Object.assign(() => {}, { other: {}, nothing: null, text: 'text' })
  Object.defineProperty(listener, 'request', {
    enumerable: true,
    get() {
      t.fail('a getter was called')
      return request
    },
  })
  ferrohttp.createServer(listener)
  t.is(Object.getPrototypeOf(request), http.IncomingMessage.prototype)
})

// The version decides which of its own classes node:http2 uses.
const majors = [...new Set([nodes.MAJOR, 24, 26])].filter((major) => nodes.node(major) !== null)
for (const [edition, major] of ['express', 'express4'].flatMap((name) => majors.map((major) => [name, major]))) {
  test(`Node ${major}, ${edition}: https and http2 beside http under the register module`, async (t) => {
    const file = path.join(__dirname, 'apps/both-protocols.cjs')
    const transcripts = []
    for (const node of [[], ['-r', REGISTER]]) {
      const program = start(file, [edition], { node, execPath: nodes.node(major) })
      transcripts.push(await program.nextMessage())
      t.is((await program.exited).code, 0)
    }
    t.deepEqual(transcripts[1], transcripts[0])
    t.deepEqual(
      transcripts[0].map(({ status }) => status),
      [200, 200, 200, 200, 200],
    )
  })
}
