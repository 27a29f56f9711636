'use strict'
const test = require('ava')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const LOADER = path.join(path.dirname(require.resolve('ferrohttp/package.json')), 'js/native/binding.js')
const manifest = require('ferrohttp/package.json')

/** A copy of the loader in a folder of its own, beside nothing. */
function strand(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-loader-'))
  t.teardown(() => fs.rmSync(folder, { recursive: true }))
  const loader = path.join(folder, 'binding.js')
  fs.copyFileSync(LOADER, loader)
  return { folder, loader }
}

test.serial('a missing addon is one error with every attempt', (t) => {
  const error = t.throws(() => require(strand(t).loader), { message: /Cannot find native binding/ })
  const attempts = []
  for (let cause = error.cause; cause; cause = cause.cause) attempts.push(cause.message)
  const { platform, arch } = process
  t.true(
    attempts.some((message) => message.includes(`./${manifest.napi.binaryName}.${platform}-${arch}`)),
    'beside the loader first',
  )
  t.true(
    attempts.some((message) => message.includes(`${manifest.napi.packageName}-${platform}-${arch}`)),
    'then the platform package',
  )
})

test.serial('a build beside the loader comes before the platform package', (t) => {
  const { folder, loader } = strand(t)
  const [binary] = fs.readdirSync(path.dirname(LOADER)).filter((name) => name.endsWith('.node'))
  const triple = binary.slice(manifest.napi.binaryName.length + 1, -'.node'.length)
  const fake = path.join(folder, 'node_modules', `${manifest.napi.packageName}-${triple}`)
  fs.mkdirSync(fake, { recursive: true })
  fs.writeFileSync(path.join(fake, 'package.json'), JSON.stringify({ version: manifest.version, main: 'main.js' }))
  fs.writeFileSync(path.join(fake, 'main.js'), 'exports.from = "package"')
  t.is(require(loader).from, 'package')

  delete require.cache[loader]
  fs.copyFileSync(path.join(path.dirname(LOADER), binary), path.join(folder, binary))
  t.is(require(loader).from, undefined)
})
