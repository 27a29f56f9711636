'use strict'
// The limits in docs/SECURITY.md are those of the code.
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')
const ferrohttp = require('ferrohttp')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const records = require(path.join(ROOT, 'build/native/records.js'))

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8')

const [, limits] = /^## Limits and their defaults$(.+?)^## /ms.exec(read('docs/SECURITY.md'))

/** The default in each row of the table, as text. */
const rows = new Map(
  [...limits.matchAll(/^\| (.+?) \| (.+?) \| .+? \| .+? \|$/gm)].map(([, limit, value]) => [limit, value]),
)

/** The number in `const NAME = 16 * 1024`, or after `name:`, of a file in Rust. */
function constant(file, name) {
  const found = new RegExp(`\\b${name}(?:: \\w+ = |: )([\\d_ *]+)[;,]`).exec(read(file))
  if (found === null) throw new Error(`no ${name} in ${file}`)
  return found[1]
    .replaceAll('_', '')
    .split('*')
    .reduce((product, factor) => product * Number(factor), 1)
}

const KIB = 1024
const MIB = 1024 * KIB
const WAITING = 'crates/net/src/connection/waiting.rs'
const CLIENT = 'crates/proto/src/client.rs'
const CONFIG = 'crates/proto/src/config.rs'
const [, handshakeTimeout] = /^const HANDSHAKE_TIMEOUT = ([\d_]+)$/m.exec(read('js/internal/https/server-tls.ts'))
const HANDSHAKE_TIMEOUT = Number(handshakeTimeout.replaceAll('_', ''))
const server = ferrohttp.createServer()
const count = (number) => number.toLocaleString('en-US')

const EXPECTED = {
  'bytes of a head, or of trailers': count(constant(CONFIG, 'max_header_size')),
  'fields of a head, or of trailers': count(constant(CONFIG, 'max_headers_count')),
  'bytes of extensions on one chunk': count(constant(CONFIG, 'max_chunk_extensions')),
  'bytes of interim (1xx) responses to one request': `${constant(CLIENT, 'MAX_INTERIM_HEADS')} times those of a head`,
  'line ends on an idle connection of a client': `${count(constant(CLIENT, 'MAX_LINE_ENDS'))} bytes`,
  'requests of one connection delivered and not answered yet': count(records.MAX_PIPELINED),
  'bytes of heads parsed ahead of JavaScript': `${constant(WAITING, 'HEADS') / KIB} KiB a connection, and one head`,
  'bytes read while JavaScript is blocked': `${count(constant(WAITING, 'TOGETHER'))} bytes a connection`,
  'bytes queued while JavaScript is blocked': `${constant('crates/net/src/handoff/inbox.rs', 'FULL') / MIB} MiB for all connections of a thread`,
  'time to the end of a head': `${server.headersTimeout / 1000} s`,
  'time to the end of a request': `${server.requestTimeout / 1000} s`,
  'time for a TLS handshake': `${HANDSHAKE_TIMEOUT / 1000} s`,
  'time idle between requests': `${server.keepAliveTimeout / 1000} s`,
  connections: server.maxConnections === undefined ? 'none' : String(server.maxConnections),
  'connections that have ended and whose peers still send': `${constant('crates/net/src/server/lingering.rs', 'MOST')} a server, and within \`maxConnections\``,
}

for (const [limit, value] of Object.entries(EXPECTED)) {
  test(`docs/SECURITY.md: ${limit}`, (t) => t.is(rows.get(limit), value))
}

test('docs/SECURITY.md: body bytes read ahead of the program', (t) => {
  const value = rows.get('body bytes read ahead of the program')
  t.true(value?.startsWith(`${records.BODY_WINDOW / KIB} KiB a connection; `), value)
})

test('every row of limits in docs/SECURITY.md is checked', (t) => {
  const unchecked = [...rows.keys()].filter((limit) => !(limit in EXPECTED))
  t.deepEqual(unchecked, ['limit', 'body bytes read ahead of the program'])
})
