'use strict'
// Installations of the package in folders of their own, whole and broken ones, and programs that run in them.
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const manifest = require('ferrohttp/package.json')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const NATIVE = path.join(ROOT, 'js/native')
const [ADDON] = fs.readdirSync(NATIVE).filter((name) => name.endsWith('.node'))
/** The build that runs here: `linux-x64-gnu`. */
const BUILD = ADDON.slice(manifest.napi.binaryName.length + 1, -'.node'.length)

/** A folder with `node_modules/ferrohttp`, as npm leaves it, and no package of a platform. */
function install(t, { version = manifest.version } = {}) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-')))
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }))
  const own = path.join(folder, 'node_modules/ferrohttp')
  fs.cpSync(path.join(ROOT, 'dist'), path.join(own, 'dist'), { recursive: true })
  fs.writeFileSync(path.join(own, 'package.json'), JSON.stringify({ ...manifest, version }))
  return folder
}

/** Adds the package of a build, with these bytes as its addon; the real ones if none are given. */
function addPlatform(folder, build = BUILD, bytes = fs.readFileSync(path.join(NATIVE, ADDON))) {
  const name = `${manifest.napi.packageName}-${build}`
  const own = path.join(folder, 'node_modules', name)
  const main = `${manifest.napi.binaryName}.${build}.node`
  fs.mkdirSync(own, { recursive: true })
  fs.writeFileSync(path.join(own, 'package.json'), JSON.stringify({ name, version: manifest.version, main }))
  fs.writeFileSync(path.join(own, main), bytes)
  return path.join(own, main)
}

/** Runs Node.js in the folder: what it prints, and its status. Variables of this process that begin with FERROHTTP are left out. */
function run(folder, args, { node = process.execPath, env = {} } = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FERROHTTP|NODE_OPTIONS)/.test(name))
  const { stdout, stderr, status, signal } = spawnSync(node, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...Object.fromEntries(inherited), ...env },
  })
  return { stdout, stderr, status, signal }
}

module.exports = { ADDON, BUILD, NATIVE, addPlatform, install, run }
