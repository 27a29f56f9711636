import test from 'ava'
import { javascriptCounter, libtestCounter, nextestCounter } from '../../npm/scripts/counters.mjs'

function read(counter, text) {
  const shown = text.split('\n').filter((line) => counter.take(line))
  return { ...counter.counts(), shown }
}

test('nextest: passed, and the rest of what ran failed', (t) => {
  const summary = '     Summary [   0.011s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 2 skipped'
  t.deepEqual(read(nextestCounter(), summary), { passed: 7, failed: 2, shown: [summary] })
  t.like(read(nextestCounter(), '     Summary [   0.1s] 1 test run: 1 passed, 0 skipped'), { passed: 1, failed: 0 })
  t.like(read(nextestCounter(), '     Summary [   0.1s] 2 tests run: 0 passed, 2 failed'), { passed: 0, failed: 2 })
})

test('libtest: all binaries together, passed tests unseen', (t) => {
  const text = `
running 3 tests
..i
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 1 test
F
thread 'x' panicked at y
test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out`
  const { passed, failed, shown } = read(libtestCounter(), text)
  t.deepEqual({ passed, failed }, { passed: 2, failed: 1 })
  t.true(shown.includes("thread 'x' panicked at y"))
  t.false(shown.includes('running 3 tests'))
})

test('ava: skipped tests count as neither, failures and tests that did not end are shown', (t) => {
  const text = `
  ✔ a › fine (2s)
  - [skip] a › later
  - [todo] a › to do
  ✔ [expected fail] a › known
  ✘ [fail]: a › broken Rejected promise returned by test
stray output

  ✘ Timed out while running tests

  1 tests were pending in b.spec.cjs

  ◌ b › hangs`
  t.deepEqual(read(javascriptCounter(), text), {
    passed: 2,
    failed: 1,
    shown: [
      '  ✘ [fail]: a › broken Rejected promise returned by test',
      'stray output',
      '  ✘ Timed out while running tests',
      '  1 tests were pending in b.spec.cjs',
      '  ◌ b › hangs',
    ],
  })
  const plain = read(javascriptCounter(), '√ fine\n× [fail]: broken\n')
  t.like(plain, { passed: 1, failed: 1 }, 'a terminal without Unicode')
})
