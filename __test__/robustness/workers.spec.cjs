'use strict'
// Workers that are servers and go in every way, with requests under way and large bodies being written: the process, its
// own server and its memory do not suffer.
const path = require('node:path')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')

const PARENT = path.join(__dirname, 'fixtures/workers.cjs')
const WORKERS = 30
const TOGETHER = 5
const MIB = 1024 * 1024
/** Each worker has several buffers of 8 MiB when it ends. A leak of one of them would be 240 MiB. */
const RSS = 96 * MIB
const HEAP = 2 * MIB

for (const [end, code] of [
  ['close', 0],
  ['exit', 0],
  ['throw', 1],
  ['terminate', 1],
]) {
  test(`${WORKERS} workers end by ${end}`, async (t) => {
    const parent = start(PARENT, [end, String(WORKERS), String(TOGETHER)])
    t.teardown(() => parent.child.kill('SIGKILL'))
    const { before, after, codes, answer } = await parent.nextMessage()
    t.deepEqual(codes, [code])
    t.is(answer, 'HTTP/1.1 200 OK | fine')
    t.deepEqual(after.handles, before.handles)
    t.true(after.threads <= before.threads)
    const heap = after.heap + after.external - before.heap - before.external
    const rss = after.rss - before.rss
    t.log(`grown by ${JSON.stringify({ rss, heap })}`)
    t.true(heap < HEAP, `heap and external grew by ${heap}`)
    t.true(rss < RSS, `RSS grew by ${rss}`)
    t.like(await parent.exited, { code: 0, signal: null, stderr: '' })
  })
}
