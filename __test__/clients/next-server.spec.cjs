'use strict'
// A server closes and another one takes its port, in the process of the client: `close` has ended idle connections when it
// returns, so the next request is the new server's.
const { once } = require('node:events')
const net = require('node:net')
const { setImmediate: turn } = require('node:timers/promises')
const test = require('ava')
const http = require('../..')

const ROUNDS = 40

/** Node's own sockets report the end in a later turn of the event loop, also with node:http. */
const ROADS = {
  native: { turns: [0, 1, 2], methods: {} },
  compatible: { turns: [1, 2], methods: { createConnection: (options, done) => net.createConnection(options, done) } },
}

async function serve(t, body, port) {
  const server = http.createServer((req, res) => res.end(body))
  t.teardown(() => server.close())
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function ask(port, agent) {
  const req = http.get({ port, host: '127.0.0.1', agent })
  const [res] = await once(req, 'response')
  let body = ''
  for await (const chunk of res) body += chunk
  return body
}

for (const [road, { turns: all, methods }] of Object.entries(ROADS)) {
  for (const turns of all) {
    test.serial(`asked after ${turns} turns of the event loop, ${road} client`, async (t) => {
      for (let round = 0; round < ROUNDS; round++) {
        const agent = Object.assign(new http.Agent({ keepAlive: true }), methods)
        const first = await serve(t, 'first', 0)
        const { port } = first.address()
        t.is(await ask(port, agent), 'first')
        // Its connection is idle by now.
        await turn()
        first.close()
        const second = await serve(t, 'second', port)
        for (let left = turns; left > 0; left--) await turn()
        t.is(await ask(port, agent), 'second')
        agent.destroy()
        second.close()
      }
    })
  }
}
