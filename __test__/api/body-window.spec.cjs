'use strict'
// The credit that a connection gives its I/O thread for bodies: never more on its way than the window allows, and never
// so little that the thread waits for ever.

const test = require('ava').default
const { BodyWindow } = require('../../build/internal/socket/body-window.js')

const KIB = 1024
const INITIAL = 128 * KIB
const LARGEST = 256 * KIB
const BUDGET = 16 * KIB * KIB

/** A window and the I/O thread's side of it. */
class Pair {
  window = new BodyWindow()
  credit = INITIAL

  read(bytes) {
    this.credit -= bytes
    this.credit += this.window.held ? this.window.hold(bytes) : this.window.pass(bytes)
  }

  hold() {
    this.credit += this.window.hold(0)
  }

  resume() {
    this.credit += this.window.release()
  }

  end() {
    this.credit += this.window.end()
  }
}

function grown(bytes = 4 * LARGEST) {
  const pair = new Pair()
  for (let read = 0; read < bytes; read += 64 * KIB) pair.read(64 * KIB)
  return pair
}

test('short bodies are credited together', (t) => {
  const pair = new Pair()
  for (let i = 0; i < 31; i++) {
    pair.read(KIB)
    pair.end()
  }
  t.is(pair.credit, INITIAL - 31 * KIB)
  pair.read(KIB)
  t.is(pair.credit, INITIAL)
  pair.end()
})

test('a body that is read at once has a window that grows, up to the largest', (t) => {
  const pair = new Pair()
  let before = pair.credit
  for (let i = 0; i < 64; i++) {
    pair.read(64 * KIB)
    t.true(pair.credit >= before && pair.credit <= LARGEST)
    before = pair.credit
  }
  t.is(pair.credit, LARGEST)
  pair.end()
})

test('who stops reading, or has read all, has no more than the initial window', (t) => {
  const pair = grown()
  pair.hold()
  t.is(pair.credit, INITIAL)
  while (pair.credit > 0) pair.read(64 * KIB)
  t.is(pair.credit, 0)
  pair.resume()
  t.is(pair.credit, INITIAL)
  const other = grown()
  other.end()
  t.is(other.credit, INITIAL)
})

test('all windows together are lent no more than the budget', (t) => {
  const pairs = Array.from({ length: 200 }, () => grown())
  const lent = pairs.reduce((sum, pair) => sum + pair.credit - INITIAL, 0)
  t.is(lent, BUDGET)
  t.is(pairs.at(-1).credit, INITIAL)
  for (const pair of pairs) pair.end()
  const next = grown()
  t.is(next.credit, LARGEST, 'it has been given back')
  next.end()
})

test('credit and bytes that are not credited always add up to the window', (t) => {
  let seed = 7
  const random = (below) => (seed = (seed * 48271) % 0x7fffffff) % below
  const pair = new Pair()
  for (let i = 0; i < 20_000; i++) {
    switch (random(8)) {
      case 0:
        pair.hold()
        break
      case 1:
        if (pair.window.held) pair.resume()
        break
      case 2:
        if (!pair.window.held) pair.end()
        break
      default:
        if (pair.credit > 0) pair.read(1 + random(64 * KIB))
    }
    t.true(pair.credit <= LARGEST)
    // The I/O thread always has credit for a reader that has read everything.
    if (!pair.window.held && pair.credit <= 0) t.fail(`stuck after ${i} steps`)
  }
  t.pass()
})
