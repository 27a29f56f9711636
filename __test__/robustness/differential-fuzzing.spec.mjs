// The parts of fuzz/differential.
import { readFileSync } from 'node:fs'
import test from 'ava'
import { input } from '../../fuzz/differential/inputs.mjs'
import { ROWS } from '../../fuzz/differential/listed.mjs'
import { minimise } from '../../fuzz/differential/minimise.mjs'

test('every row that the fuzzer leaves out is a row of COMPATIBILITY.md', (t) => {
  const compatibility = readFileSync(new URL('../../docs/COMPATIBILITY.md', import.meta.url), 'utf8').split('\n')
  for (const { row } of ROWS) {
    t.is(compatibility.filter((line) => line.startsWith(`| ${row}`)).length, 1, row)
  }
})

test('a seed determines every input', (t) => {
  for (let index = 0; index < 50; index++) t.deepEqual(input(7, index), input(7, index))
  t.notDeepEqual(input(7, 1).text, input(8, 1).text)
})

test('inputs are latin1, and cut inside', (t) => {
  for (let index = 0; index < 2000; index++) {
    const { text, cuts } = input(1, index)
    t.false(/[^\0-\xff]/.test(text), String(index))
    t.true(
      cuts.every((cut, i) => cut > (cuts[i - 1] ?? 0) && cut < text.length),
      String(index),
    )
  }
})

test('the minimiser leaves what matters, cuts included', async (t) => {
  const found = { ...input(1, 0), text: 'GET / HTTP/1.1\r\nA: b\r\nX: y\r\n\r\n', cuts: [3, 12, 23] }
  const shows = async (candidates) =>
    candidates.map(({ text, cuts }) => text.includes('X') && text.includes('G') && cuts.includes(text.indexOf('X') + 1))
  const { text, cuts } = await minimise(found, shows)
  t.deepEqual({ text, cuts }, { text: 'GX\n', cuts: [2] })
})
