'use strict'
// Code of the server stays compiled while it has no connections, and programs do not see the kept objects.
const { execFile, spawn } = require('node:child_process')
const { promisify } = require('node:util')
const { once } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const test = require('ava')
const { listen } = require('../helpers/listen.cjs')

const PROGRAM = path.join(__dirname, 'fixtures', 'quiet-server.cjs')
const CLIENT = path.join(__dirname, 'fixtures', 'quiet-client.cjs')
const CLOSED = path.join(__dirname, 'fixtures', 'closed-server.cjs')
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n${'x'.repeat(65536)}`
/** Why V8 has discarded compiled functions, as it prints that. */
const FREED = 'embedded weak objects cleared'

/** Node 20 and 22 do not report why they discard functions. */
const traced = Number(process.versions.node.split('.')[0]) >= 24 ? test.serial : test.serial.skip

/** Sends `request` `width` times in one write, and again when all are answered, `rounds` times. */
async function load(port, request, width, rounds) {
  const socket = net.connect(port, '127.0.0.1').setEncoding('latin1')
  const batch = request.repeat(width)
  let missing = 0
  let rest = ''
  for await (const chunk of socket.on('connect', send)) {
    const parts = (rest + chunk).split('\r\n\r\nok')
    missing -= parts.length - 1
    rest = parts.at(-1)
    if (missing > 0) continue
    if (rounds === 0) break
    send()
  }

  function send() {
    rounds--
    missing = width
    socket.write(batch)
  }
}

for (const { title, request, width, rounds } of [
  { title: 'short requests', request: GET, width: 100, rounds: 200 },
  { title: 'uploads', request: POST, width: 4, rounds: 1500 },
])
  traced(`full collections while there are no connections leave the code compiled: ${title}`, async (t) => {
    const child = spawn(process.execPath, ['--expose-gc', '--trace-deopt', PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    t.teardown(() => child.kill())
    const printed = text(child.stdout)
    const [port] = await once(child, 'message')
    await load(port, request, width, rounds)
    child.send('collect')
    const freed = (await printed).split('\n').filter((line) => line.includes(FREED))
    // Without the kept connections it is 30 and more. Functions that know the program's objects are among them.
    t.true(freed.length < 10, freed.join('\n'))
  })

traced('full collections while there are no connections leave the code compiled: a client', async (t) => {
  const server = http.createServer((req, res) => req.resume().on('end', () => res.end('ok')))
  const port = await listen(t, server)
  const child = spawn(process.execPath, ['--expose-gc', '--trace-deopt', CLIENT, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const freed = (await text(child.stdout)).split('\n').filter((line) => line.includes(FREED))
  // Without the kept connections it is 110 and more.
  t.true(freed.length < 35, freed.join('\n'))
})

test('a closed server is collected with the objects that it has kept', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', CLOSED])
  t.is(stdout, 'true\n')
})

/** Programs that count in `seen` the requests that they can observe, and the right count after one request. */
const OBSERVERS = {
  'replaced methods of responses': {
    watch: `for (const method of ['end', 'writeHead']) {
        const original = http.ServerResponse.prototype[method]
        http.ServerResponse.prototype[method] = function (...args) { seen++; return original.apply(this, args) }
      }`,
    count: 2,
  },
  'a replaced emit of servers': {
    watch: `const { emit } = http.Server.prototype
      http.Server.prototype.emit = function (event, ...args) {
        if (event === 'request') seen++
        return emit.call(this, event, ...args)
      }`,
    count: 1,
  },
  'a subscriber of diagnostics_channel': {
    watch: `require('node:diagnostics_channel').subscribe('http.server.response.created', () => seen++)`,
    count: 1,
  },
  'replaced methods of requests': {
    watch: `for (const method of ['end', 'emit']) {
        const original = http.ClientRequest.prototype[method]
        http.ClientRequest.prototype[method] = function (...args) {
          if (method === 'end' || args[0] === 'finish') seen++
          return original.apply(this, args)
        }
      }`,
    count: 2,
  },
  'a subscriber of diagnostics_channel, for requests': {
    watch: `require('node:diagnostics_channel').subscribe('http.client.request.created', () => seen++)`,
    count: 1,
  },
  'stats().client': {
    watch: `process.prependListener('exit', () => { seen = http.stats().client.native })`,
    count: 1,
  },
  'stats()': { watch: `process.prependListener('exit', () => { seen = http.stats().requests.served })`, count: 1 },
}

for (const [title, { watch, count }] of Object.entries(OBSERVERS))
  test(`programs do not observe the kept requests: ${title}`, async (t) => {
    const program = `
      const http = require('ferrohttp')
      let seen = 0
      process.on('exit', () => console.log(seen))
      ${watch}
      const server = http.createServer((req, res) => res.end('ok')).listen(0, '127.0.0.1', () => {
        http.get({ port: server.address().port, agent: false }, (res) => res.resume().on('end', () => server.close()))
      })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: __dirname })
    t.is(Number(stdout), count)
  })
