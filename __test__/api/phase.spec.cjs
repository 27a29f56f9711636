'use strict'
// Which writes outside a batch are sent at once, and which wait for the end of their phase of the event loop. The test does the native
// side's part (`crates/binding/src/phases.rs`).

const test = require('ava').default
const { Phase, phaseMemory } = require('../../build/internal/bridge/phase.js')

/** A phase and the native side of it. */
class Loop {
  time = 0
  memory = phaseMemory()
  phase = new Phase(this.memory, () => this.time)
  words = new Uint32Array(this.memory)
  /** Of the last phase. */
  left = 0

  /** Runs a phase with this number of writes. @returns how many of them were sent at once */
  run(writes, length = 0) {
    let left = 0
    for (let i = 0; i < writes; i++) {
      if (!this.phase.mustSendNow(length)) continue
      this.phase.endWait()
      left++
    }
    const waiting = this.words[2] !== 0
    this.words.set([0, writes, 0])
    return { left, waiting }
  }
}

test('a few writes are sent at once, each by itself', (t) => {
  const loop = new Loop()
  t.deepEqual(loop.run(1), { left: 1, waiting: false })
  t.deepEqual(loop.run(8), { left: 8, waiting: false })
  t.deepEqual(loop.run(1), { left: 1, waiting: false })
})

test('further writes wait for the end of the phase', (t) => {
  t.deepEqual(new Loop().run(20), { left: 8, waiting: true })
})

test('after a phase with many writes only the first ones of the next are sent at once', (t) => {
  const loop = new Loop()
  loop.run(64)
  t.deepEqual(loop.run(64), { left: 2, waiting: true })
  t.deepEqual(loop.run(2), { left: 2, waiting: false })
  t.deepEqual(loop.run(8), { left: 8, waiting: false })
})

test('waiting records are sent after half a millisecond, with the next write that reads the clock', (t) => {
  const loop = new Loop()
  loop.words[1] = 64
  for (let i = 0; i < 3; i++) loop.phase.mustSendNow(0)
  t.true(loop.phase.waiting)
  loop.time = 0.6
  const writes = Array.from({ length: 8 }, () => loop.phase.mustSendNow(0))
  t.deepEqual(writes, [false, false, false, false, false, false, false, true])
})

test('a long body is sent at once', (t) => {
  const loop = new Loop()
  loop.run(64)
  t.deepEqual(loop.run(64, 4097), { left: 64, waiting: false })
})

test('something else that has everything sent ends the wait', (t) => {
  const loop = new Loop()
  loop.words[1] = 64
  for (let i = 0; i < 3; i++) loop.phase.mustSendNow(0)
  loop.phase.endWait()
  t.false(loop.phase.waiting)
  t.false(loop.phase.mustSendNow(0))
  t.true(loop.phase.waiting)
})
