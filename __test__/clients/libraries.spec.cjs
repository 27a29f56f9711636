'use strict'
// Unchanged libraries that use node:http's client: their output, and their requests to the server, are the same with and without
// the register module.
const test = require('ava')
const http = require('node:http')
const path = require('node:path')
const { comparable, runProgram, serve } = require('./_program.cjs')

const RUN = path.join(__dirname, 'libraries/_run.cjs')

async function run(t, library, preload) {
  const { requests, port, server } = await serve(t, http)
  const report = await runProgram(RUN, [library, String(port)], { preload, server })
  // On a busy machine the time that its client allows is over before the request reaches the server.
  const received = requests.filter(({ url }) => url !== '/silent?late')
  return { stats: report.stats, transcript: comparable(report, port, received) }
}

for (const library of ['axios', 'follow-redirects', 'got', 'node-fetch', 'superagent']) {
  test(`${library}: the same output and requests`, async (t) => {
    const [plain, ours] = await Promise.all([false, true].map((preload) => run(t, library, preload)))
    t.deepEqual(ours.transcript, plain.transcript)
    t.is(plain.stats, null)
    t.true(ours.stats.native > 0)
    t.is(ours.stats.compatible, 0)
  })
}
