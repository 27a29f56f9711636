// The parts of fuzz/differential.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { input, merged } from '../../fuzz/differential/inputs.mjs'
import { ROWS } from '../../fuzz/differential/listed.mjs'
import { minimise } from '../../fuzz/differential/minimise.mjs'

const { node } = createRequire(import.meta.url)('../helpers/nodes.cjs')

const reference = node(24)
/** Declares a test that compares with Node 24, and is skipped without it. */
const whereNode24 = reference === null ? test.skip : test

/** Runs the fuzzer, which has to find nothing. @returns its output */
async function compare(t, ...options) {
  const main = fileURLToPath(new URL('../../fuzz/differential/main.mjs', import.meta.url))
  const { status, stdout, stderr } = await run(reference, [main, ...options])
  t.is(status, 0, stdout + stderr)
  return stdout
}

test('every row that the fuzzer ignores is a row of COMPATIBILITY.md', (t) => {
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

test('pieces are merged in every way, or at each cut if there are many', (t) => {
  const found = { ...input(1, 0), cuts: [1, 2, 3] }
  t.deepEqual(
    merged(found).map(({ cuts }) => cuts.join('')),
    ['', '1', '2', '12', '3', '13', '23'],
  )
  const many = { ...found, cuts: [1, 2, 3, 4, 5, 6] }
  t.deepEqual(
    merged(many).map(({ cuts }) => cuts.join('')),
    ['23456', '13456', '12456', '12356', '12346', '12345'],
  )
})

whereNode24('pieces that a socket merges are compared with the reference for merged pieces', async (t) => {
  await compare(t, '--only', '37893', '--seed', '7')
})

test('the minimiser keeps the necessary bytes and cuts', async (t) => {
  const found = { ...input(1, 0), text: 'GET / HTTP/1.1\r\nA: b\r\nX: y\r\n\r\n', cuts: [3, 12, 23] }
  const shows = async (candidates) =>
    candidates.map(({ text, cuts }) => text.includes('X') && text.includes('G') && cuts.includes(text.indexOf('X') + 1))
  const { text, cuts } = await minimise(found, shows)
  t.deepEqual({ text, cuts }, { text: 'GX\n', cuts: [2] })
})

whereNode24('the first inputs of a seed: no difference from Node 24 that COMPATIBILITY.md does not list', async (t) => {
  const stdout = await compare(t, '--inputs', '600', '--seed', '1')
  t.regex(stdout, /^\d{4} messages of 600 inputs in /m)
})

function run(command, args) {
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : error.code, stdout, stderr }),
    )
  })
}
