'use strict'
// Libraries that make servers, observe http or mock it: under the register module they behave as on node:http.
const { spawnSync } = require('node:child_process')
const path = require('node:path')
const test = require('ava')
const manifest = require('../../package.json')
const { MAJOR, node } = require('../helpers/nodes.cjs')

const REGISTER = path.resolve(__dirname, '../../dist/register.js')
const COMMAND = path.resolve(__dirname, '../../dist/bin.js')

function run(t, name, { binary = process.execPath, options = [] } = {}) {
  const file = path.join(__dirname, 'programs', `${name}.cjs`)
  const { stdout, stderr, status } = spawnSync(binary, [...options, file], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  return JSON.parse(stdout)
}

const MOCKED = [201, 'mocked']
/** nock needs Node 22. */
for (const [name, binary] of [
  ['nock', node(24) ?? node(22)],
  ['msw', process.execPath],
]) {
  const declare = binary === null ? test.skip : test
  declare(`${name}: the same requests are mocked`, (t) => {
    const plain = run(t, name, { binary })
    const [[status, , body]] = plain
    t.deepEqual([status, body], MOCKED)
    t.deepEqual(plain.at(-1), [200, null, 'real'])
    t.deepEqual(run(t, name, { binary, options: ['--require', REGISTER] }), plain)
  })
}

test('Nest: the same answers of a server that it makes itself', (t) => {
  const plain = run(t, 'nest')
  t.deepEqual(plain, [
    [
      [200, null, '{"id":"7"}'],
      [404, null, '{"statusCode":404,"message":"no such cat"}'],
      [201, 'Express', '{"added":{"name":"a"}}'],
    ],
    true,
  ])
  t.deepEqual(run(t, 'nest', { options: ['--require', REGISTER] }), plain)
})

for (const major of [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null))
  test(`Node ${major}: tsx, under the command`, (t) => {
    const args = [COMMAND, 'tsx', 'programs/enum.ts']
    const { stdout, stderr, status } = spawnSync(node(major), args, { cwd: __dirname, encoding: 'utf8' })
    t.is(status, 0, stderr)
    t.deepEqual(JSON.parse(stdout), ['from an enum', manifest.version])
  })

test('OpenTelemetry: the same spans, of client and server', (t) => {
  const [answer, spans] = run(t, 'opentelemetry')
  t.deepEqual(answer, [200, null, 'real'])
  t.deepEqual(
    spans.map(({ kind, parent, status }) => [kind, parent, status]),
    [
      ['SERVER', 1, 200],
      ['CLIENT', -1, 200],
    ],
  )
  t.deepEqual(run(t, 'opentelemetry', { options: ['--require', REGISTER] }), [answer, spans])
})

test('prom-client prints the metrics of the module', (t) => {
  const [theirs, ours] = run(t, 'prom-client')
  const samples = (text) => new Map(text.split('\n').flatMap((line) => (/^[a-z]/.test(line) ? [line.split(' ')] : [])))
  const [printed, expected] = [samples(theirs), samples(ours)]
  t.true(expected.size > 50)
  // The CPU time of threads grows between the two.
  for (const [name, value] of expected) if (!/thread/.test(name)) t.is(Number(printed.get(name)), Number(value), name)
})
