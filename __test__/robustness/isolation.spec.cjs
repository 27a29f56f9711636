'use strict'
// No answer reaches another peer, wherever it fails. See `isolation/run.cjs`, which can be started for longer runs.
const test = require('ava')
const { run } = require('./isolation/run.cjs')

for (const [title, options] of Object.entries({
  'answers that fail at every possible point disturb no other': { seed: 1, rounds: 30 },
  'the same with a small stack': { seed: 2, rounds: 30, stackSize: 200 },
})) {
  test.serial(title, async (t) => {
    const { answers, faulty, requests, wrong } = await run(options)
    t.log(`${answers} answers, ${faulty} that failed, ${requests} requests to others`)
    t.deepEqual(wrong, [])
    t.true(answers > 100 && faulty > 100 && requests > 10)
  })
}
