'use strict'
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const errors = {
  ...require(path.join(ROOT, 'build/internal/errors.js')),
  ...require(path.join(ROOT, 'build/internal/installation-errors.js')),
}
const { parserErrors } = require(path.join(ROOT, 'build/internal/bridge/native.js'))

const page = fs.readFileSync(path.join(ROOT, 'docs/ERRORS.md'), 'utf8')
const documented = [...page.matchAll(/^\| `((?:ERR_|HPE_|ECONN)\w+)` \|/gm)].map(([, code]) => code)

test('docs/ERRORS.md has every code, and no other, once', (t) => {
  const defined = Object.keys(errors).filter((name) => name.startsWith('ERR_'))
  const codes = new Set([...defined, ...parserErrors().map(({ code }) => code)])
  t.deepEqual([...documented].sort(), [...codes].sort())
})

test('docs/ERRORS.md has the status of each code of the parser', (t) => {
  // ECONNRESET is an error of clients, so no response is sent.
  for (const { code, status } of parserErrors().filter((error) => error.code.startsWith('HPE_')))
    t.true(page.includes(`| \`${code}\` | ${status} |`), `${code} ${status}`)
})

test('docs/TROUBLESHOOTING.md has every code of the installation', (t) => {
  const codes = Object.keys(require(path.join(ROOT, 'build/internal/installation-errors.js')))
  const rows = fs
    .readFileSync(path.join(ROOT, 'docs/TROUBLESHOOTING.md'), 'utf8')
    .matchAll(/^\| `(ERR_FERROHTTP_\w+)` \|/gm)
  t.deepEqual([...rows].map(([, code]) => code).sort(), [...codes, 'ERR_FERROHTTP_INTERNAL'].sort())
})
