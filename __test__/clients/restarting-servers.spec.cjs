'use strict'
// A few thousand requests to servers that fail and restart. `node __test__/clients/_restarting-servers.cjs 100000` runs longer.
const test = require('ava')
const path = require('node:path')
const { start } = require('../helpers/fixture.cjs')

const COUNT = 4000

test('every request ends once, with its own answer or an error, and no memory or handle is left', async (t) => {
  const program = start(path.join(__dirname, '_restarting-servers.cjs'), [String(COUNT)])
  const report = await program.nextMessage()
  t.deepEqual(await program.exited, { code: 0, signal: null, stderr: '' })
  t.deepEqual(report.wrong, [])
  const errors = Object.values(report.errors).reduce((sum, count) => sum + count, 0)
  t.is(report.answered + errors, COUNT)
  t.true(report.answered > COUNT / 2)
  t.true(errors > 0 && report.deaths > 0)
  const known = ['ECONNREFUSED', 'ECONNRESET', 'ECONNRESET within', 'EPIPE']
  t.deepEqual(
    Object.keys(report.errors).filter((code) => !known.includes(code)),
    [],
  )
  t.is(report.most, 50)
  t.deepEqual(report.pools, [0, 0, 0])
  t.is(report.total, 0)
  t.is(report.stats.compatible, 0)
  t.is(report.stats.open, 0)
  t.is(report.descriptors, 0)
  // In bytes. Code that V8 has compiled meanwhile is a part of them.
  t.true(report.heap < 3_000_000, `${report.heap} bytes more`)
})
