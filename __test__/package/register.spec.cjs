'use strict'
// ferrohttp/register where the addon cannot be loaded, and the environment variables.
const path = require('node:path')
const test = require('ava')
const manifest = require('ferrohttp/package.json')
const { ADDON, NATIVE, addPlatform, install, run } = require('./_installation.cjs')

const STATE = 'console.log(String(process.versions.ferrohttp), typeof require("http").createServer)'
const register = (folder, env = {}, options = [], script = STATE) =>
  run(folder, [...options, '--require', 'ferrohttp/register', '-e', script], { env })

test('process.versions has ferrohttp when it is in place', (t) => {
  const folder = install(t)
  addPlatform(folder)
  const loaded = { stdout: `${manifest.version} function\n`, stderr: '', status: 0, signal: null }
  for (const FERROHTTP of [undefined, '', 'on', 'require'])
    t.deepEqual(register(folder, FERROHTTP === undefined ? {} : { FERROHTTP }), loaded)
})

test('process.versions.ferrohttp is like the others', (t) => {
  const folder = install(t)
  addPlatform(folder)
  const script = `
    const { value: _, ...ours } = Object.getOwnPropertyDescriptor(process.versions, 'ferrohttp')
    const { value: __, ...node } = Object.getOwnPropertyDescriptor(process.versions, 'uv')
    console.log(JSON.stringify(ours) === JSON.stringify(node))`
  t.is(register(folder, {}, [], script).stdout, 'true\n')
})

test('without an addon the program runs on http of Node, and prints one line with the reason', (t) => {
  const { stdout, stderr, status } = register(install(t))
  t.deepEqual({ stdout, status }, { stdout: 'undefined function\n', status: 0 })
  t.regex(stderr, /^\[ERR_FERROHTTP_ADDON_MISSING\] .* is not installed.* To do: .*\n$/)
})

test('worker threads do not repeat it, and --no-warnings silences it', (t) => {
  const folder = install(t)
  const worker = "new (require('worker_threads').Worker)('require(\"http\")', { eval: true })"
  t.is(register(folder, {}, [], worker).stderr.split('\n').length, 2)
  t.is(register(folder, {}, ['--no-warnings']).stderr, '')
})

test('FERROHTTP=require: without an addon there is no program', (t) => {
  const { stdout, stderr, status } = register(install(t), { FERROHTTP: 'require' })
  t.deepEqual({ stdout, status }, { stdout: '', status: 1 })
  t.regex(stderr, /code: 'ERR_FERROHTTP_ADDON_MISSING'/)
})

test('FERROHTTP=off: nothing is changed, and nothing loaded', (t) => {
  const folder = install(t)
  const off = { stdout: 'undefined function\n', stderr: '', status: 0, signal: null }
  t.deepEqual(register(folder, { FERROHTTP: 'off' }), off)
  addPlatform(folder)
  t.deepEqual(register(folder, { FERROHTTP: 'off' }), off)
})

test('variables with values that make no sense are errors', (t) => {
  const folder = install(t)
  addPlatform(folder)
  const wrong = [
    { FERROHTTP: 'maybe' },
    { FERROHTTP: 'OFF' },
    { FERROHTTP_ADDON: '/tmp' },
    { FERROHTTP_DRAIN: '30' },
    { FERROHTTP_DRAIN_DELAY: '5s' },
    { FERROHTTP_DRAIN_DELAY: '5', FERROHTTP_DRAIN: '30s' },
    { FERROHTTP_HEALTH_READY: '/z', FERROHTTP_HEALTH: '/z' },
    ...['0', '-1', '65', '1.5', '1e1', ' 2', 'many', '0x2'].map((FERROHTTP_IO_THREADS) => ({ FERROHTTP_IO_THREADS })),
  ]
  for (const env of wrong) {
    const [[name, value]] = Object.entries(env)
    const { stdout, stderr, status } = register(folder, env)
    t.deepEqual({ stdout, status }, { stdout: '', status: 1 }, `${name}=${value}`)
    t.true(stderr.includes(`[ERR_FERROHTTP_INVALID_VARIABLE]: The environment variable ${name} must be `), stderr)
    t.true(stderr.includes(`Received '${value}'`), stderr)
  }
  for (const env of [{ FERROHTTP_IO_THREADS: 'x' }, { FERROHTTP_DRAIN: '30' }])
    t.is(run(folder, ['-e', 'require("ferrohttp")'], { env }).status, 1)
  for (const FERROHTTP_IO_THREADS of ['', '1', '64']) t.is(register(folder, { FERROHTTP_IO_THREADS }).status, 0)
})

test('an addon that is named is the one that is loaded', (t) => {
  const { stdout, stderr } = register(install(t), { FERROHTTP_ADDON: path.join(NATIVE, ADDON) })
  t.deepEqual({ stdout, stderr }, { stdout: `${manifest.version} function\n`, stderr: '' })
})
