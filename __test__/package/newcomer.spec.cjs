'use strict'
// Follows the README step by step in an empty folder: a served request, metrics, the live page.
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createInterface } = require('node:readline')
const test = require('ava')
const { freePort } = require('../helpers/listen.cjs')
const { NPM, execute, installInto, pack } = require('./_tarballs.cjs')

const README = fs.readFileSync(path.join(__dirname, '../../README.md'), 'utf8')
const work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-newcomer-')))
const folder = path.join(work, 'hello')

test.before(async (t) => {
  await pack(t, path.join(work, 'packages'))
  fs.mkdirSync(folder)
})
test.after.always(() => fs.rmSync(work, { recursive: true, force: true }))

/** The blocks of code under a heading. @returns {{ language: string, lines: string[] }[]} */
function blocksOf(heading) {
  const [, section] = README.split(new RegExp(`^## ${heading}$`, 'm'))
  const [own] = section.split(/^## /m)
  return [...own.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language,
    lines: code.trimEnd().split('\n'),
  }))
}

/**
 * Runs a block: starts the server by its first line and requests the URLs of the others, with ports that are free here in place
 * of the page's.
 */
async function follow(t, { lines }) {
  const [start, ...gets] = lines
  const { variables, file } = /^(?<variables>(?:\w+=\S+ )*)node (?<file>\S+)$/.exec(start).groups
  const [port, inspectPort] = [await freePort(), await freePort()]
  const env = { ...process.env, PORT: String(port) }
  for (const [, name, value] of variables.matchAll(/(\w+)=(\S+)/g)) env[name] = value.replace('9230', inspectPort)
  const server = spawn(process.execPath, [file], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => server.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: server.stdout }), 'line')
  t.is(line, `listening on ${port}`)
  const answers = []
  for (const get of gets) {
    const [, url] = /^curl (\S+)$/.exec(get)
    const response = await fetch(url.replace('localhost:8080', `127.0.0.1:${port}`).replace('9230', inspectPort))
    answers.push({ status: response.status, type: response.headers.get('content-type'), body: await response.text() })
  }
  return answers
}

test.serial('npm init and npm install', async (t) => {
  const [{ language, lines }] = blocksOf('From an empty folder')
  t.is(language, 'sh')
  t.deepEqual(lines, ['npm init --yes', 'npm install ferrohttp'])
  await execute(t, [...NPM, 'init', '--yes'], folder)
  await installInto(t, folder, path.join(work, 'packages'))
})

test.serial('a served request', async (t) => {
  const [, program, commands] = blocksOf('From an empty folder')
  fs.writeFileSync(path.join(folder, 'server.js'), program.lines.join('\n'))
  t.deepEqual(await follow(t, commands), [{ status: 200, type: 'text/plain', body: 'Hello from GET /\n' }])
})

test.serial('metrics and the live page', async (t) => {
  const [program, commands] = blocksOf('Watch it')
  fs.writeFileSync(path.join(folder, 'server.js'), program.lines.join('\n'))
  const [metrics, page] = await follow(t, commands)
  t.is(metrics.status, 200)
  t.regex(metrics.type, /^application\/openmetrics-text/)
  t.regex(metrics.body, /^ferrohttp_requests_total \d+$/m)
  t.is(page.status, 200)
  t.regex(page.body, /^<!doctype html>/i)
})
