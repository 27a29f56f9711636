'use strict'
// Runs a program that uses node:http, with and without the register module, beside a server.
const path = require('node:path')
const { once } = require('node:events')
const { start } = require('../helpers/fixture.cjs')
const { closeServer } = require('../helpers/play.cjs')
const { normalise } = require('../helpers/record.cjs')
const { shop } = require('./_shop.cjs')

const REGISTER = path.resolve(__dirname, '../../dist/register.js')

/** A server of `module` and the requests that it has received. It is closed when the test is over. */
async function serve(t, module) {
  const requests = []
  const server = module.createServer(
    shop((request) => {
      requests.push(request)
      server.emit('seen', request)
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => closeServer(server))
  return { requests, port: server.address().port, server }
}

/**
 * What `file` prints, line by line, the last of them being its connections: null on node:http.
 * @param {string[]} args
 * @param {{ preload: boolean, server?: object }} options `server`: the program gets a line for each
 *   request of it that is not answered
 */
async function runProgram(file, args, { preload, server }) {
  const program = start(file, args, { node: preload ? ['-r', REGISTER] : [] })
  server?.on('seen', ({ url }) => {
    if (url === '/silent') program.sendLine('received')
  })
  const lines = []
  for (;;) {
    const line = await program.nextMessage()
    if (line.over) {
      const { code, signal, stderr } = await program.exited
      return { lines, stats: line.stats, end: [code, signal, stderr] }
    }
    lines.push(line)
  }
}

/** For the end of a program: returns what it used, in the form that `runProgram` expects. */
function over() {
  const ours = require.cache[path.resolve(__dirname, '../../dist/index.js')]
  process.stdout.write(`${JSON.stringify({ over: true, stats: ours?.exports.stats().client ?? null })}\n`)
}

/** Without ports and dates. */
function comparable({ lines, end }, port, requests = []) {
  return normalise(
    [...lines.map((line) => ['printed', line]), ...requests.map((line) => ['requested', line]), end],
    new Set([port]),
  )
}

module.exports = { comparable, over, runProgram, serve }
