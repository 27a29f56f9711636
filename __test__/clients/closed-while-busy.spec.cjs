'use strict'
// A server closes idle connections while the program's thread is busy: the next request must not be lost on one of them.
const { once } = require('node:events')
const test = require('ava')
const http = require('../..')
const { startActingServer } = require('../helpers/acting-server.cjs')

for (const scheduling of ['lifo', 'fifo']) {
  test.serial(`idle connections that ended meanwhile are passed over, ${scheduling}`, async (t) => {
    const { port, act } = await startActingServer(t)
    const agent = new http.Agent({ keepAlive: true, scheduling })
    const ask = async () => {
      const req = http.get({ port, host: '127.0.0.1', agent })
      const [res] = await once(req, 'response')
      const closed = once(req, 'close')
      let body = ''
      for await (const chunk of res) body += chunk
      await closed
      return { connection: body, reused: req.reusedSocket }
    }
    const first = await Promise.all([ask(), ask()])
    t.deepEqual(first.map(({ connection }) => connection).sort(), ['1', '2'])
    t.true((await ask()).reused)
    const before = http.stats().client.open
    act('destroys')
    // The event loop does not run here, so the agent has not been notified.
    const limit = process.hrtime.bigint() + 10_000_000_000n
    while (http.stats().client.open > before - 2 && process.hrtime.bigint() < limit);
    t.is(http.stats().client.open, before - 2)
    t.is(Object.values(agent.freeSockets)[0].length, 2)
    t.deepEqual(await ask(), { connection: '3', reused: false })
    t.deepEqual(await ask(), { connection: '3', reused: true })
    t.is(agent.totalSocketCount, 1)
    agent.destroy()
  })
}
