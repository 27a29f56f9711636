'use strict'
// The two packages of this platform as they are published, which stand in for the registry.
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const manifest = require('ferrohttp/package.json')
const { BUILD } = require('./_installation.cjs')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const NPM = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
const shell = NPM[0] === 'npm' && process.platform === 'win32'
const TARBALLS = [`ferrohttp-${manifest.version}.tgz`, `ferrohttp-binding-${BUILD}-${manifest.version}.tgz`]

/** Runs a command and returns its output. The test fails if the command does. */
async function execute(t, [command, ...args], cwd, variables = {}) {
  const env = { ...process.env, ...variables }
  const child = spawn(command, args, { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  t.is(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/** Writes the tarballs into the folder `packages`. */
async function pack(t, packages, variables) {
  await execute(t, [process.execPath, path.join(ROOT, 'npm/scripts/pack.mjs'), packages], ROOT, variables)
}

/** `npm install ferrohttp` in `folder`, without a registry. */
async function installInto(t, folder, packages) {
  const files = TARBALLS.map((name) => path.join(packages, name))
  await execute(t, [...NPM, 'install', '--offline', '--no-audit', '--no-fund', ...files], folder)
}

module.exports = { NPM, TARBALLS, execute, installInto, pack }
