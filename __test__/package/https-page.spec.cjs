'use strict'
// docs/HTTPS.md names each option, event and flag for which the code takes node:tls, and no others.
const fs = require('node:fs')
const path = require('node:path')
const test = require('ava')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8')
const page = read('docs/HTTPS.md')
const COMPATIBILITY = read('docs/COMPATIBILITY.md')

/** The strings in the list `const NAME = [ … ] as const` of a file. */
function list(file, name) {
  const [, body] = new RegExp(`const ${name} = \\[([\\s\\S]*?)\\n?\\] as const`).exec(read(file))
  return [...body.matchAll(/'([^']+)'/g)].map(([, value]) => value)
}

/** The names in the table of reasons for node:tls, below a heading. */
function named(heading) {
  const [, section] = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## )`, 'm').exec(page)
  const [, table] = /^\| node:tls \| \|\n([\s\S]*?)\n\n/m.exec(section)
  return [...table.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
}

const SERVERS = 'js/internal/https/options.ts'
const CLIENTS = 'js/internal/https/client-plan.ts'

test('the table of servers', (t) => {
  const code = [...list(SERVERS, 'MEMBERS'), ...list(SERVERS, 'OPTIONS'), ...list(SERVERS, 'EVENTS')]
  t.true(code.length >= 15)
  t.deepEqual(named('Servers').sort(), [...code, 'connection'].sort())
})

test('the table of requests', (t) => {
  const code = [...list(CLIENTS, 'FOREIGN'), ...list(CLIENTS, 'FLAGS')]
  t.true(code.length >= 25)
  // Decided elsewhere, or by their value.
  const others = ['highWaterMark', 'createConnection', 'servername']
  t.deepEqual(named('Requests').sort(), [...code, ...others].sort())
})

test('docs/COMPATIBILITY.md names the same options', (t) => {
  // It has engines and pre-shared keys by these words.
  const names = [...named('Servers'), ...named('Requests')].filter(
    (name) => !/^(psk|fd$|handle$)|Engine$|Identifier$/.test(name),
  )
  t.deepEqual(
    names.filter((name) => !new RegExp(`[\`']${name}[\`']`).test(COMPATIBILITY)),
    [],
  )
})
