'use strict'
// The recipes of docs/BUNDLING.md: runs each bundler with the options that the page names, and then its output.
const { createRequire } = require('node:module')
const fs = require('node:fs')
const path = require('node:path')
const test = require('ava')
const manifest = require('ferrohttp/package.json')
const { addPlatform, install, run } = require('./_installation.cjs')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const bundlers = createRequire(path.join(ROOT, '__test__/frameworks/package.json'))
const page = fs.readFileSync(path.join(ROOT, 'docs/BUNDLING.md'), 'utf8')

const ASK = `
const server = createServer((req, res) => res.end(answer))
server.listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, host: '127.0.0.1', agent: false }, (res) => {
    res.setEncoding('utf8').on('data', (body) => console.log(body, server_and_client()))
    res.on('end', () => server.close())
  })
})
`
const PROGRAMS = {
  'app.mjs': `
    import { createServer, get, stats } from 'ferrohttp'
    import { Agent } from 'ferrohttp/https'
    import { handler } from 'ferrohttp/metrics'
    const answer = typeof Agent + ' ' + typeof handler
    const server_and_client = () => stats().server.native + ' ' + stats().client.native
    ${ASK}`,
  'unchanged.mjs': `
    import { createServer, get } from 'node:http'
    const answer = 'on'
    const server_and_client = () => process.versions.ferrohttp
    ${ASK}`,
}
const NATIVE = { stdout: 'function function 1 1\n', stderr: '', status: 0, signal: null }

/** A folder with ferrohttp installed and the programs. */
function site(t) {
  const folder = install(t)
  addPlatform(folder)
  for (const [name, text] of Object.entries(PROGRAMS)) fs.writeFileSync(path.join(folder, name), text)
  return folder
}

/** Bundles in the folder. */
function esbuild(folder, options) {
  bundlers('esbuild').buildSync({
    absWorkingDir: folder,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    ...options,
  })
}

/** The configuration that the page has under this heading, as an object. */
function configuration(title) {
  const [, text] = new RegExp(`^## ${title}\\n[\\s\\S]*?^\`\`\`js\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)
  const module = { exports: {} }
  new Function('module', text)(module)
  return module.exports
}

test('esbuild, by the command of the page', (t) => {
  const [, command] = /^npx esbuild (.*)$/m.exec(page)
  const folder = site(t)
  const tool = path.join(ROOT, '__test__/frameworks/node_modules/.bin/esbuild')
  const built = run(folder, [...command.split(' '), '--log-level=warning'], { node: tool })
  t.is(built.status, 0, built.stderr)
  t.is(built.stderr, '')
  const [, outfile] = /--outfile=(\S+)/.exec(command)
  t.deepEqual(run(folder, [outfile]), NATIVE)
})

test('esbuild, as an ES module', (t) => {
  const folder = site(t)
  esbuild(folder, { entryPoints: ['app.mjs'], external: ['ferrohttp'], format: 'esm', outfile: 'out/app.mjs' })
  t.deepEqual(run(folder, ['out/app.mjs']), NATIVE)
})

test('webpack, by the configuration of the page', async (t) => {
  const folder = site(t)
  const config = { ...configuration('webpack'), context: folder }
  config.output = { ...config.output, path: path.join(folder, 'out') }
  const done = await new Promise((resolve, reject) =>
    bundlers('webpack')(config, (error, result) => (error ? reject(error) : resolve(result))),
  )
  t.deepEqual(done.toJson({ all: false, errors: true, warnings: true }).errors, [])
  t.deepEqual(run(folder, [path.join('out', config.output.filename)]), NATIVE)
})

test('rollup, by the configuration of the page', async (t) => {
  const folder = site(t)
  const { output, ...config } = configuration('rollup')
  const warnings = []
  const built = await bundlers('rollup').rollup({
    ...config,
    input: path.join(folder, config.input),
    onwarn: ({ message }) => warnings.push(message),
  })
  await built.write({ ...output, file: path.join(folder, output.file) })
  await built.close()
  t.deepEqual(warnings, [])
  t.deepEqual(run(folder, [output.file]), NATIVE)
})

test('a bundle of an unchanged program runs on ferrohttp by the register module', (t) => {
  const folder = site(t)
  esbuild(folder, { entryPoints: ['unchanged.mjs'], outfile: 'out/unchanged.cjs' })
  const { stdout } = run(folder, ['--require', 'ferrohttp/register', 'out/unchanged.cjs'])
  t.is(stdout, `on ${manifest.version}\n`)
  t.is(run(folder, ['out/unchanged.cjs']).stdout, 'on undefined\n')
})

test('a bundle with ferrohttp in it names the remedy', (t) => {
  const folder = site(t)
  esbuild(folder, { entryPoints: ['app.mjs'], outfile: 'out/app.cjs' })
  const report = `try { require('./out/app.cjs') } catch ({ code, message }) { console.log(code, message) }`
  const expected = /^ERR_FERROHTTP_BUNDLED [\s\S]*To do: make ferrohttp external/
  t.regex(run(folder, ['-e', report]).stdout, expected, 'no package.json above the bundle')
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'app', version: manifest.version }))
  t.regex(run(folder, ['-e', report]).stdout, expected, 'that of the program above the bundle')
})

test('a bundle with the register module in it runs on the http of Node', (t) => {
  const folder = site(t)
  fs.writeFileSync(
    path.join(folder, 'register.mjs'),
    `import 'ferrohttp/register'\nimport { createServer } from 'node:http'\ncreateServer()\nconsole.log(process.versions.ferrohttp)\n`,
  )
  esbuild(folder, { entryPoints: ['register.mjs'], outfile: 'out/register.cjs' })
  const { stdout, stderr, status } = run(folder, ['out/register.cjs'])
  t.is(status, 0)
  t.is(stdout, 'undefined\n')
  t.regex(stderr, /^\[ERR_FERROHTTP_BUNDLED\] ferrohttp is not in use[^\n]*external[^\n]*\n$/)
  t.regex(run(folder, ['out/register.cjs'], { env: { FERROHTTP: 'require' } }).stderr, /ERR_FERROHTTP_BUNDLED/)
})
