'use strict'
// The same conversation with the same application, once for each way to serve it; its answers must be the same.
const path = require('node:path')
const { start } = require('../helpers/fixture.cjs')
const { MAJOR } = require('../helpers/nodes.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')
const { site } = require('./_site.cjs')

const HOST = path.join(__dirname, '_host.cjs')
const REGISTER = path.resolve(__dirname, '../../dist/register.js')

/** Ways to serve an application: the arguments of `_host.cjs`, and those of Node. */
const WAYS = {
  own: { way: 'own', node: [] },
  given: { way: 'node:http', node: [] },
  explicit: { way: 'ferrohttp', node: [] },
  preload: { way: 'own', node: ['-r', REGISTER] },
}

/** The ways on node:http and the corresponding ones on ferrohttp: some frameworks make and configure the server themselves. */
const PAIRS = [
  ['given', 'explicit'],
  ['own', 'preload'],
]

/**
 * @typedef {object} Host
 * @property {number} port
 * @property {() => Promise<{ native: number, compatible: number } | null>} stats of its server side; null on node:http
 * @property {() => Promise<void>} stop
 */

/**
 * Starts an application.
 *
 * @param {keyof WAYS} name
 * @param {string[]} application name of the file in apps/, and its arguments
 * @returns {Promise<Host>}
 */
async function host(name, application) {
  const { way, node } = WAYS[name]
  const started = start(HOST, [way, ...application], { node })
  const { port } = await started.nextMessage()
  return {
    port,
    stats() {
      started.sendLine('stats')
      return started.nextMessage()
    },
    async stop() {
      started.child.kill()
      await started.exited
    },
  }
}

/**
 * Runs an application on node:http and on ferrohttp, by name and by preload, for the tests of one file. The function it
 * returns declares a test: `talk` must return the same on both, and every connection to ferrohttp must have come on the
 * native road. Tests run in their order, so that all applications receive the same requests.
 *
 * @param {import('ava').TestFn} test
 * @param {string} label begins the titles
 * @param {(directory: string) => string[]} application see `host`; `directory` is one of `_site.cjs`
 * @returns {(title: string, talk: (host: Host) => Promise<unknown>) => void}
 */
function sameOnAllRoads(test, label, application) {
  const hosts = new Map()
  let files
  test.before(async () => {
    files = await site()
    for (const name of Object.keys(WAYS)) hosts.set(name, await host(name, application(files.directory)))
  })
  test.after.always(async () => {
    for (const { stop } of hosts.values()) await stop()
    await files?.remove()
  })
  return (title, talk) =>
    test.serial(`${label}: ${title}`, async (t) => {
      for (const [reference, name] of PAIRS) {
        const wanted = await talk(hosts.get(reference))
        const served = hosts.get(name)
        t.deepEqual(await talk(served), wanted, name)
        nativeOnly(t, await served.stats(), name)
      }
    })
}

function nativeOnly(t, stats, name) {
  t.true(stats.native > 0, `${name}: no native connection`)
  t.is(stats.compatible, 0, `${name}: connections on the compatible road`)
}

/** A request as text: `request('GET /', { Host: 'a' }, body)`. Has Host, and Content-Length if there is a body. */
function request(line, headers = {}, body) {
  const fields = { Host: 'a.test', ...headers }
  if (body !== undefined && !('Transfer-Encoding' in fields))
    fields['Content-Length'] = Buffer.byteLength(body, 'latin1')
  const block = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${line} HTTP/1.1\r\n${block.join('')}\r\n${body ?? ''}`
}

/** The bytes that the server sends for one request on a connection of its own; see `comparable`. */
async function answer(port, line, headers, body) {
  const client = await RawClient.connect(port)
  await client.write(request(line, { Connection: 'close', ...headers }, body))
  await client.closed
  return comparable(client.received)
}

/** Removes the parts that may differ: the time, and the boundaries of chunks, because Node 26 joins the writes of a tick. */
function comparable(received) {
  const text = received.replace(/^Date: .* GMT\r$/gm, 'Date: -\r')
  return MAJOR > 24 ? withJoinedChunks(text) : text
}

/** Responses with all chunks of a body as one. */
function withJoinedChunks(text) {
  let joined = ''
  let at = 0
  for (const { index } of text.matchAll(/^transfer-encoding: chunked\r$/gim)) {
    // Inside a body that has been walked through.
    if (index < at) continue
    const body = text.indexOf('\r\n\r\n', index) + 4
    joined += text.slice(at, body)
    at = body
    for (let size = sizeAt(text, at); size > 0; size = sizeAt(text, at)) {
      const start = text.indexOf('\r\n', at) + 2
      joined += text.slice(start, start + size)
      at = start + size + 2
    }
  }
  return joined + text.slice(at)
}

/** The size of the chunk that begins there; 0 for the last one, and where there is none. */
function sizeAt(text, at) {
  return Number.parseInt(text.slice(at, at + 8), 16) || 0
}

/**
 * Asks for one after the other.
 * @param {[line: string, headers?: object, body?: string][]} requests
 * @returns {Promise<[line: string, answer: string][]>}
 */
async function answers(port, requests) {
  const all = []
  for (const [line, headers, body] of requests) all.push([line, await answer(port, line, headers, body)])
  return all
}

module.exports = { answer, answers, comparable, host, nativeOnly, request, sameOnAllRoads }
