'use strict'
// No object of ours ends the process when it is passed to Node's C++: to other processes, to workers, to clones, to inspect.
const { spawnSync } = require('node:child_process')
const path = require('node:path')
const test = require('ava')

const { node, MAJOR } = require('../helpers/nodes.cjs')
const FIXTURE = path.join(__dirname, 'fixtures/values-to-node.cjs')
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)

for (const major of NODES) {
  test(`Node ${major}: every value has a clear outcome`, (t) => {
    const { stdout, stderr, status, signal } = spawnSync(node(major), [FIXTURE], { encoding: 'utf8', timeout: 50_000 })
    t.is(signal, null, stdout + stderr)
    t.is(status, 0, stdout + stderr)
    t.regex(stdout, /\ndone \d{2,} values\n$/)
  })
}
