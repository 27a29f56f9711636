'use strict'
// The packages as they are published: packed, installed into an empty folder without a registry, and used.
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const zlib = require('node:zlib')
const test = require('ava')
const manifest = require('ferrohttp/package.json')
const { MAJOR, node } = require('../helpers/nodes.cjs')
const { BUILD } = require('./_installation.cjs')
const { NPM, TARBALLS, execute, installInto, pack } = require('./_tarballs.cjs')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)
const bin = (name) => path.join(ROOT, 'node_modules/.bin', name)

const work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-tarballs-')))
const packages = path.join(work, 'packages')
const installed = path.join(work, 'installed')

test.before(async (t) => {
  await pack(t, packages)
  fs.mkdirSync(installed)
  fs.writeFileSync(path.join(installed, 'package.json'), '{ "name": "empty", "private": true }')
  await installInto(t, installed, packages)
})
test.after.always(() => fs.rmSync(work, { recursive: true, force: true }))

const ASK = `
  const server = createServer((req, res) => res.end('answer')).listen(0, '127.0.0.1', () => {
    get({ port: server.address().port, host: '127.0.0.1', agent: false }, (res) => {
      res.setEncoding('utf8').on('data', (body) => console.log(body, stats().server.native, stats().client.native))
      res.on('end', () => server.close())
    })
  })
`
const PROGRAMS = {
  'commonjs.cjs': `const { createServer, get, stats } = require('ferrohttp')\n${ASK}`,
  'module.mjs': `import { createServer, get, stats } from 'ferrohttp'\n${ASK}`,
  'unchanged.cjs': `require('ferrohttp/register')\nconst { createServer, get } = require('node:http')\nconst { stats } = require('ferrohttp')\n${ASK}`,
  'unchanged.mjs': `import 'ferrohttp/register'\nconst { createServer, get } = await import('node:http')\nconst { stats } = await import('ferrohttp')\n${ASK}`,
}

for (const major of NODES)
  for (const [name, program] of Object.entries(PROGRAMS))
    test.serial(`Node ${major}: ${name} works as a server and a client`, async (t) => {
      const file = path.join(installed, `${major}-${name}`)
      fs.writeFileSync(file, program)
      t.is(await execute(t, [node(major), file], work), 'answer 1 1\n')
    })

test.serial('npx finds the command', async (t) => {
  t.is(
    await execute(t, [...NPM, 'exec', '--offline', '--', 'ferrohttp', '--version'], installed),
    `${manifest.version}\n`,
  )
})

/** `esModuleInterop` cannot be turned off any more in the newest TypeScript. */
const COMPILERS = [
  ['typescript-5', { esModuleInterop: false }],
  ['typescript', {}],
]
const RESOLUTIONS = { node16: 'node16', nodenext: 'nodenext', bundler: 'preserve' }

for (const types of [20, 22, 24])
  for (const [moduleResolution, module] of Object.entries(RESOLUTIONS))
    for (const [compiler, options] of COMPILERS)
      test.serial(`${compiler} ${JSON.stringify(options)}: @types/node ${types}, ${moduleResolution}`, async (t) => {
        const folder = fs.mkdtempSync(path.join(work, 'types-'))
        const link = (from, to) => fs.symlinkSync(from, path.join(folder, 'node_modules', to), 'junction')
        const source = path.join(ROOT, 'node_modules', types === 24 ? '@types/node' : `node-types-${types}`)
        t.is(require(path.join(source, 'package.json')).version.split('.')[0], String(types))
        fs.mkdirSync(path.join(folder, 'node_modules/@types'), { recursive: true })
        link(source, '@types/node')
        fs.cpSync(path.join(installed, 'node_modules'), path.join(folder, 'node_modules'), { recursive: true })
        fs.copyFileSync(path.join(__dirname, 'fixtures/consumer.ts'), path.join(folder, 'consumer.ts'))
        fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
        const noEmit = moduleResolution === 'bundler'
        const compilerOptions = {
          ...{ strict: true, skipLibCheck: false, target: 'es2022', types: ['node'], rootDir: '.' },
          ...{ module, moduleResolution, noEmit, ...options },
        }
        fs.writeFileSync(
          path.join(folder, 'tsconfig.json'),
          JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
        )
        const { bin } = require(path.join(ROOT, 'node_modules', compiler, 'package.json'))
        await execute(t, [process.execPath, path.join(ROOT, 'node_modules', compiler, bin.tsc), '-p', folder], folder)
        if (!noEmit)
          t.is(await execute(t, [process.execPath, 'consumer.js'], folder), 'GET / false 1 true\ndrained 0 false\n')
      })

test.serial('packages that a workflow makes name their repository and who pays for it', async (t) => {
  const released = path.join(work, 'released')
  const url = 'https://git.example/owner/name'
  const variables = {
    GITHUB_SERVER_URL: 'https://git.example',
    GITHUB_REPOSITORY: 'owner/name',
    FUNDING_URL: 'https://pay.example/',
  }
  await pack(t, released, variables)
  for (const name of TARBALLS) {
    // A tarball has the text of its files as it is.
    const text = zlib.gunzipSync(fs.readFileSync(path.join(released, name))).toString('latin1')
    for (const member of [
      `"url": "git+${url}.git"`,
      `"homepage": "${url}#readme"`,
      `"bugs": "${url}/issues"`,
      '"funding": "https://pay.example/"',
    ])
      t.true(text.includes(member), `${name}: ${member}`)
  }
})

test.serial('publint reports nothing', async (t) => {
  for (const name of TARBALLS)
    t.regex(await execute(t, [bin('publint'), 'run', path.join(packages, name), '--strict'], ROOT), /All good!/)
})

test.serial('are-the-types-wrong reports nothing', async (t) => {
  const [main] = TARBALLS
  t.regex(
    await execute(t, [bin('attw'), path.join(packages, main), '--no-color', '--no-emoji'], ROOT),
    /No problems found/,
  )
})

test.serial('the addon names no folder of the machine that has built it', async (t) => {
  const name = `${manifest.napi.packageName}-${BUILD}`
  const file = path.join(installed, 'node_modules', name, `${manifest.napi.binaryName}.${BUILD}.node`)
  const bytes = fs.readFileSync(file)
  for (const folder of [os.homedir(), ROOT]) t.false(bytes.includes(folder), folder)
})
