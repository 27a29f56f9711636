// Prepares a clone: installs dependencies, and builds addon and JavaScript, as far as they are out of date. `setup.mjs install` and
// `setup.mjs build` do one half.
import { installDependencies } from './dependencies.mjs'
import { answers, npm, Stop, script } from './process.mjs'

const OLDEST_NODE = [20, 19]

/** Runs one step after the other, so that the output shows which one failed. */
function setup(only) {
  requireNode()
  if (only !== 'build') installDependencies()
  if (only !== 'install') build()
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  throw new Stop(`ferrohttp needs Node.js ${OLDEST_NODE.join('.')} or later, this is ${process.versions.node}`)
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
