'use strict'
// A few seconds of the soak; `node benchmark/soak.mjs` is the whole of it.
const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const test = require('ava')

const SOAK = path.join(__dirname, '../../benchmark/soak.mjs')

test('mixed traffic is answered and leaves no memory or handle', async (t) => {
  // Rejects with the output if an answer was wrong, or memory or handles are left.
  const { stdout } = await promisify(execFile)(process.execPath, [SOAK, '--seconds', '4', '--stretches', '2'])
  t.regex(stdout, /^\d{2,} visits, /m)
})
