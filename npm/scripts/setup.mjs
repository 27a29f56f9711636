// Brings a clone to the state in which everything runs: dependencies installed, addon and JavaScript built.
// Does only what is out of date. `setup.mjs install` and `setup.mjs build` do one half.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { answers, npm, ROOT, Stop, script } from './process.mjs'

const OLDEST_NODE = [20, 19]

/** One step at a time; CI and an impatient reader see which one failed. */
function setup(only) {
  requireNode()
  if (only !== 'build' && !installed()) install()
  if (only !== 'install') build()
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  throw new Stop(`ferrohttp needs Node.js ${OLDEST_NODE.join('.')} or later, this is ${process.versions.node}`)
}

function install() {
  console.log('installing dependencies')
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

/**
 * Whether node_modules is what package-lock.json asks for, judged by npm's own record of what it installed, which it
 * writes last. Optional packages may be absent: they are for other platforms.
 */
function installed() {
  const record = path.join(ROOT, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = packages(path.join(ROOT, 'package-lock.json'))
  const present = packages(record)
  wanted.delete('')
  for (const [name, { version, integrity, optional }] of wanted) {
    const found = present.get(name)
    if (!found && !optional) return false
    if (found && (found.version !== version || found.integrity !== integrity)) return false
  }
  return [...present.keys()].every((name) => wanted.has(name))
}

function packages(file) {
  return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages))
}

function build() {
  if (!answers('cargo', ['--version'])) {
    throw new Stop(
      'building the addon needs Rust: https://rustup.rs installs it (the version is in rust-toolchain.toml)',
    )
  }
  console.log('building the addon (minutes the first time)')
  npm(['run', '--silent', 'build:native'], { CARGO_TERM_QUIET: 'true' })
  console.log('building dist')
  npm(['run', '--silent', 'build:js'])
}

await script(() => {
  const [only] = process.argv.slice(2)
  if (only !== undefined && only !== 'install' && only !== 'build') throw new Stop('usage: setup.mjs [install|build]')
  setup(only)
})
