'use strict'
// Many servers in one process, one after the other and at once, and connections on several I/O threads.
const http = require('node:http')
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { createServer, stats } = require('../..')
const { start } = require('../helpers/fixture.cjs')
const { eventually, growth } = require('../helpers/leak.cjs')

const BATCH = 100
const KIB = 1024

function get(port, agent) {
  return new Promise((resolve, reject) => {
    const req = http.get({ port, host: '127.0.0.1', agent: agent ?? false }, (res) => {
      let body = ''
      res.setEncoding('utf8')
      res.on('data', (text) => {
        body += text
      })
      res.on('end', () => resolve(body))
    })
    req.on('error', reject)
  })
}

async function openServeClose(name) {
  const server = createServer((_req, res) => res.end(name))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const body = await get(server.address().port)
  server.close()
  await once(server, 'close')
  return body
}

test('a thousand servers that were opened, used and closed leave no memory or handle', async (t) => {
  const left = await growth(
    async () => {
      for (let i = 0; i < BATCH; i += 1) t.is(await openServeClose(String(i)), String(i))
    },
    { warmUp: 3, rounds: 10 },
  )
  await eventually(() => stats().server.open === 0)
  t.deepEqual(left.handles, {})
  // A server that is not collected has some 3 KiB of heap, a thousand of them 3 MiB; node:http itself leaves up to 0.5 MiB.
  t.true(left.heap < 1024 * KIB, `heap grew by ${left.heap} bytes`)
})

test('many servers at once get their own requests only', async (t) => {
  const servers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const server = createServer((req, res) => res.end(`${i} ${req.url}`))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const bodies = await Promise.all(servers.map((server) => get(server.address().port)))
  t.deepEqual(
    bodies,
    servers.map((_, i) => `${i} /`),
  )
  await Promise.all(
    servers.map((server) => {
      server.close()
      return once(server, 'close')
    }),
  )
})

test('a port is free as soon as close() returns', async (t) => {
  const first = createServer()
  first.listen(0, '127.0.0.1')
  await once(first, 'listening')
  const { port } = first.address()
  first.close()
  const second = createServer((_req, res) => res.end('second'))
  second.listen(port, '127.0.0.1')
  await once(second, 'listening')
  t.is(await get(port), 'second')
  second.close()
  await once(second, 'close')
})

test('connections are dealt out to several I/O threads and answered in order', async (t) => {
  const child = start(path.join(__dirname, 'fixtures/threaded-server.cjs'), [], {
    shell: 'export FERROHTTP_IO_THREADS=3',
  })
  t.teardown(() => child.child.kill('SIGKILL'))
  const { port } = await child.nextMessage()
  const agent = new http.Agent({ keepAlive: true, maxSockets: 24 })
  const asked = Array.from(
    { length: 600 },
    (_, i) =>
      new Promise((resolve, reject) => {
        const req = http.request({ port, host: '127.0.0.1', agent, method: 'POST', path: `/${i}` }, (res) => {
          let body = ''
          res.on('data', (chunk) => {
            body += chunk
          })
          res.on('end', () => resolve(body))
        })
        req.on('error', reject)
        req.end('x'.repeat(i * 50))
      }),
  )
  const bodies = await Promise.all(asked)
  t.deepEqual(
    bodies,
    bodies.map((_, i) => `/${i} ${i * 50}`),
  )
  agent.destroy()
  child.sendLine('close')
  t.deepEqual(await child.nextMessage(), { native: 24, open: 0, ioThreads: process.platform === 'linux' ? 3 : null })
  t.is((await child.exited).code, 0)
})
