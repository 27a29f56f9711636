'use strict'
// The errors of an installation that cannot load its addon.
const fs = require('node:fs')
const path = require('node:path')
const test = require('ava')
const manifest = require('ferrohttp/package.json')
const { MAJOR, node } = require('../helpers/nodes.cjs')
const { ADDON, BUILD, NATIVE, addPlatform, install, run } = require('./_installation.cjs')

const REPORT = `
  try {
    const { createServer } = require('ferrohttp')
    console.log(JSON.stringify({ loaded: typeof createServer }))
  } catch (error) {
    const { name, message, code, problem, remedy, tried, cause } = error
    console.log(JSON.stringify({ name, message, code, problem, remedy, tried, cause: cause?.code, keys: Object.keys(error) }))
  }
`
const LINUX = process.platform === 'linux'
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)
const OTHER = BUILD.startsWith('darwin') ? 'win32-x64-msvc' : 'darwin-arm64'

/** The outcome of `require('ferrohttp')` in a process of its own. */
function load(t, folder, { options = [], before = '', ...more } = {}) {
  const { stdout, stderr, status, signal } = run(folder, [...options, '-e', before + REPORT], more)
  t.deepEqual({ status, signal }, { status: 0, signal: null }, stderr)
  const report = JSON.parse(stdout)
  if (report.code !== undefined) {
    t.true(report.message.includes(report.problem) && report.message.includes(report.remedy), report.message)
    for (const attempt of report.tried) t.true(report.message.includes(attempt), attempt)
    t.deepEqual(report.keys, ['code'], 'what the message says is not printed twice')
  }
  return report
}

test('the package of the platform is loaded', (t) => {
  const folder = install(t)
  addPlatform(folder)
  t.deepEqual(load(t, folder), { loaded: 'function' })
})

test('no package of any platform: optional dependencies were left out', (t) => {
  const report = load(t, install(t))
  t.is(report.code, 'ERR_FERROHTTP_ADDON_MISSING')
  t.regex(report.problem, new RegExp(`${manifest.napi.packageName}-${BUILD} is not installed`))
  t.regex(report.remedy, /--include=optional/)
  t.is(report.tried.length, 2)
  t.true(report.tried[0].includes(ADDON), 'beside the JavaScript first')
  t.true(report.tried[1].startsWith(`${manifest.napi.packageName}-${BUILD}: `), 'then the package of the platform')
})

test('the package of another platform: node_modules was copied', (t) => {
  const folder = install(t)
  addPlatform(folder, OTHER)
  const report = load(t, folder)
  t.is(report.code, 'ERR_FERROHTTP_OTHER_PLATFORM')
  t.regex(report.problem, new RegExp(OTHER))
})

test('a lock file of npm that was written on another platform', (t) => {
  const folder = install(t)
  const lock = (...builds) => {
    const packages = Object.fromEntries(
      builds.map((build) => [`node_modules/${manifest.napi.packageName}-${build}`, {}]),
    )
    fs.writeFileSync(
      path.join(folder, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, 'node_modules/ferrohttp': {}, ...packages } }),
    )
  }
  lock(OTHER)
  const report = load(t, folder)
  t.is(report.code, 'ERR_FERROHTTP_OTHER_PLATFORM')
  t.true(report.problem.includes(path.join(folder, 'package-lock.json')))
  lock(OTHER, BUILD)
  t.is(load(t, folder).code, 'ERR_FERROHTTP_ADDON_MISSING')
  fs.writeFileSync(path.join(folder, 'package-lock.json'), 'no JSON')
  t.is(load(t, folder).code, 'ERR_FERROHTTP_ADDON_MISSING')
})

if (LINUX)
  test('the package for the other C library', (t) => {
    const folder = install(t)
    addPlatform(folder, BUILD.endsWith('-gnu') ? BUILD.replace('-gnu', '-musl') : BUILD.replace('-musl', '-gnu'))
    const report = load(t, folder)
    t.is(report.code, 'ERR_FERROHTTP_LIBC')
    t.regex(report.problem, BUILD.endsWith('-gnu') ? /with glibc/ : /with musl/)
  })

test('a platform without a build', (t) => {
  const report = load(t, install(t), { before: "Object.defineProperty(process, 'platform', { value: 'sunos' });" })
  t.is(report.code, 'ERR_FERROHTTP_UNSUPPORTED_PLATFORM')
  t.true(manifest.napi.targets.length === 8 && report.problem.includes(BUILD))
})

test('an addon of another version is refused', (t) => {
  const folder = install(t, { version: '9.8.7' })
  const addon = addPlatform(folder)
  const report = load(t, folder)
  t.is(report.code, 'ERR_FERROHTTP_VERSION')
  t.true(
    report.problem.includes('9.8.7') && report.problem.includes(addon) && report.problem.includes(manifest.version),
  )
})

if (LINUX)
  test('a truncated addon ends nothing but the attempt', (t) => {
    const folder = install(t)
    const whole = fs.readFileSync(path.join(NATIVE, ADDON))
    const damaged = [0, 63, 64, 200, 4096, whole.length >> 1, (whole.length * 3) >> 2].map((at) =>
      whole.subarray(0, at),
    )
    for (const bytes of [...damaged, Buffer.from('version https://git-lfs.github.com/spec/v1\n'.repeat(9))]) {
      addPlatform(folder, BUILD, bytes)
      t.is(load(t, folder).code, 'ERR_FERROHTTP_ADDON_DAMAGED', `${bytes.length} bytes`)
    }
  })

test('another error of the system is the cause', (t) => {
  const folder = install(t)
  // The header of a library without segments.
  const bytes = Buffer.alloc(64)
  bytes.write('\x7fELF\x02\x01\x01', 'latin1')
  bytes.writeUInt16LE(56, 54)
  fs.writeFileSync(path.join(folder, 'empty.node'), bytes)
  const report = load(t, folder, { env: { FERROHTTP_ADDON: 'empty.node' } })
  t.is(report.code, 'ERR_FERROHTTP_ADDON_UNLOADABLE')
  t.is(report.cause, 'ERR_DLOPEN_FAILED')
})

test('FERROHTTP_ADDON names a file, and no other is tried', (t) => {
  const folder = install(t)
  t.deepEqual(load(t, folder, { env: { FERROHTTP_ADDON: path.join(NATIVE, ADDON) } }), { loaded: 'function' })
  addPlatform(folder)
  const report = load(t, folder, { env: { FERROHTTP_ADDON: 'nowhere.node' } })
  t.is(report.code, 'ERR_FERROHTTP_ADDON_UNLOADABLE')
  t.true(report.problem.includes(path.join(folder, 'nowhere.node')))
})

for (const major of NODES)
  test(`Node ${major}: without the right to load addons`, (t) => {
    const folder = install(t)
    addPlatform(folder)
    const permission = [major < 22 ? '--experimental-permission' : '--permission', '--allow-fs-read=*']
    for (const options of [permission, ['--no-addons']]) {
      const report = load(t, folder, { node: node(major), options: ['--no-warnings', ...options] })
      t.is(report.code, 'ERR_FERROHTTP_PERMISSION')
      t.is(report.cause, 'ERR_DLOPEN_DISABLED')
    }
    if (major >= 22) {
      const options = ['--no-warnings', ...permission, '--allow-addons']
      t.deepEqual(load(t, folder, { node: node(major), options }), { loaded: 'function' })
    }
  })

test('Bun, Deno, and a Node.js that is too old', (t) => {
  const folder = install(t)
  addPlatform(folder)
  const versions = [{ bun: '1.3.0' }, { deno: '2.1.0' }, { node: '18.20.4' }, { node: '20.18.3' }]
  for (const version of versions) {
    const all = JSON.stringify({ ...process.versions, ...version })
    const report = load(t, folder, { before: `Object.defineProperty(process, 'versions', { value: ${all} });` })
    t.is(report.code, 'ERR_FERROHTTP_UNSUPPORTED_RUNTIME', all)
  }
})
