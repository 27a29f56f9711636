'use strict'
// https and http under the register module, and classes of programs that mix them.
const { execFileSync } = require('node:child_process')
const path = require('node:path')
const test = require('ava')

const PROGRAM = path.join(__dirname, 'fixtures/https-program.cjs')
const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))

test('a program with https runs as without ferrohttp', (t) => {
  const run = (...flags) => execFileSync(process.execPath, [...flags, PROGRAM], { cwd: ROOT, encoding: 'utf8' })
  const expected = run()
  t.true(expected.includes('http.request true true'))
  t.is(run('--require', 'ferrohttp/register'), expected)
})
