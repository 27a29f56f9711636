'use strict'
// The same requests by one library: `_run.cjs NAME PORT`. A program of its own, which prints the outcome of each.
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const { createInterface } = require('node:readline')
const path = require('node:path')
const { Readable, Writable } = require('node:stream')
const { createRequire } = require('node:module')
const { pathToFileURL } = require('node:url')
const { over } = require('../_program.cjs')
const { PIECE } = require('../_shop.cjs')

const [name, port] = process.argv.slice(2)
const installed = createRequire(path.resolve(__dirname, '../../frameworks/package.json'))
const base = `http://127.0.0.1:${port}`

const input = createInterface({ input: process.stdin })
/** The server has got a request that it does not answer. */
const untilReceived = () => once(input, 'line')

const print = (...line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** The parts of an error, and of its cause, that are compared. */
function describeError(error) {
  if (error === undefined) return null
  return { name: error.name, code: error.code, message: error.message, cause: describeError(error.cause) }
}

/** A writable that keeps length and digest of the bytes that were written. */
function sink() {
  const digest = createHash('sha1')
  let length = 0
  const writable = new Writable({
    write(chunk, _encoding, callback) {
      length += chunk.length
      digest.update(chunk)
      callback()
    },
  })
  return { writable, result: () => ({ length, sha1: digest.digest('hex') }) }
}

/** 1 MiB in pieces. */
function source() {
  return Readable.from(
    (function* () {
      for (let i = 0; i < 16; i++) yield PIECE
    })(),
  )
}

const SCENARIOS = {
  get: (library) => library.get(`${base}/hello?a=b`),
  'get with fields': (library) => library.get(`${base}/cookies`, { 'X-Own': 'field' }),
  gzip: (library) => library.get(`${base}/gzip`),
  redirect: (library) => library.get(`${base}/redirect`),
  loop: (library) => library.get(`${base}/loop`),
  missing: (library) => library.get(`${base}/missing`),
  empty: (library) => library.get(`${base}/empty`),
  post: (library) => library.post(`${base}/echo`, { some: 'json', list: [1, 2, 3] }),
  'post redirected': (library) => library.post(`${base}/again`, { some: 'json' }),
  upload: (library) => library.upload(`${base}/echo`, source()),
  'download in chunks': (library) => downloaded(library, `${base}/large`),
  'download with a length': (library) => downloaded(library, `${base}/sized`),
  'abort before the answer': (library) => library.abort(`${base}/silent`, false, untilReceived),
  'abort within the answer': (library) => library.abort(`${base}/partial`, true),
  timeout: (library) => library.timeout(`${base}/silent?late`),
  'an answer cut off': (library) => library.get(`${base}/cut`),
  'a download cut off': (library) => downloaded(library, `${base}/cut`),
  'no answer': (library) => library.get(`${base}/dropped`),
  // Nothing listens on port 1.
  'a closed port': (library) => library.get('http://127.0.0.1:1/'),
  'get once more': (library) => library.get(`${base}/hello`),
}

async function downloaded(library, url) {
  const { writable, result } = sink()
  const finished = once(writable, 'finish')
  finished.catch(() => {})
  await library.download(url, writable)
  await finished
  return result()
}

async function main() {
  const load = (module) => import(pathToFileURL(installed.resolve(module)).href)
  const library = await require(`./${name}.cjs`)(load)
  for (const [scenario, run] of Object.entries(SCENARIOS)) {
    if (library.without?.includes(scenario)) continue
    try {
      print(scenario, await run(library))
    } catch (error) {
      print(scenario, 'fails', describeError(error))
    }
  }
  library.end?.()
  input.close()
  process.stdin.destroy()
  over()
}

main()
