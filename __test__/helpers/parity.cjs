'use strict'
// Runs the same script on node:http and on both roads of ferrohttp. Its logs must be the same.
const { fork } = require('node:child_process')
const path = require('node:path')
const test = require('ava')
const { node } = require('./nodes.cjs')
const { FAILED, play } = require('./play.cjs')
const { normalise } = require('./record.cjs')

/** The version whose behaviour ferrohttp has. Scripts about behaviour that differs in other versions have `only24`. */
const REFERENCE = 24

/**
 * An ava implementation: `test('title', parity(async (http, log, tools) => { … }))`.
 *
 * On ferrohttp the script runs twice if its servers listen by `tools.listen`: with native connections, and with Node's
 * own sockets passed to the server. The script logs what a user can observe; it is over when its promise resolves, and its servers and clients are
 * closed then. See `play.cjs` for `tools`.
 *
 * @param {(http: typeof import('node:http'), log: (...values: unknown[]) => void, tools: object) => Promise<void>} script
 * @param {object} [options]
 * @param {boolean} [options.only24] the Node versions differ here: compare with Node 24 only, which
 *   `nodes.cjs` finds when this is another one; such a test is declared by `whereNode24`
 * @param {boolean} [options.nativeOnly] not on the compatible road
 * @param {boolean} [options.adopted] a third time, with connections that Node accepts and an I/O thread serves: for scripts that
 *   do something to a connection right when it is reported
 * @param {boolean} [options.isolated] a process each, for scripts that exit, crash or patch; the entries end with
 *   `exit` and the exit code
 *
 * A script that runs in another process (isolated, or compared with another Node) is sent as source: it may use its
 * parameters, globals and `require`, but no variable around it.
 * @param {'http' | 'https'} [options.module] the module that is the script's first argument
 */
function parity(script, options = {}) {
  const { only24 = false, isolated = false, nativeOnly = false, adopted = false, module = 'http' } = options
  const [ours, nodes] = module === 'http' ? ['ferrohttp', 'node:http'] : ['ferrohttp/https', 'node:https']
  const source = script.toString()
  return async (t) => {
    const runs = { native: await run('native') }
    t.true(runs.native.entries.length > 0, 'the script logged nothing, so it compares nothing')
    // Not at the same time: scripts may listen to events of the whole process.
    if (runs.native.ports.length > 0 && !nativeOnly) runs.compatible = await run('compatible')
    if (adopted) runs.adopted = await run('adopted')
    const reference = await referenceRun()
    for (const [road, own] of Object.entries(runs)) {
      if (!t.deepEqual(clean(own), clean(reference), road) && own.errors) t.log(`stderr, ${road}:\n${own.errors}`)
    }
  }

  function run(road) {
    return isolated ? inProcess(process.execPath, ours, source, road) : play(ours, script, { road })
  }

  function referenceRun() {
    const binary = only24 ? node(REFERENCE) : process.execPath
    if (binary === null) throw new Error(`there is no Node ${REFERENCE} here: declare the test by \`whereNode24\``)
    return isolated || binary !== process.execPath ? inProcess(binary, nodes, source) : play(nodes, script)
  }
}

function clean({ entries, ports }) {
  return normalise(entries, new Set(ports))
}

/** Entries arrive one by one, so that those before a crash are known. */
function inProcess(execPath, name, source, road = 'native') {
  return new Promise((resolve, reject) => {
    const child = fork(path.join(__dirname, 'play-child.cjs'), [name, road], { execPath, execArgv: [], silent: true })
    const entries = []
    const ports = []
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text
    })
    child.on('message', (message) => {
      if ('entry' in message) entries.push(message.entry)
      else if ('port' in message) ports.push(message.port)
      else errors += message.failure
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === FAILED) return reject(new Error(`the script failed on ${name}: ${errors}`))
      entries.push(['exit', signal ?? code])
      resolve({ entries, ports, errors })
    })
    child.send({ source })
  })
}

/** Declares a test with `only24`: skipped where there is no Node 24. */
const whereNode24 = node(REFERENCE) === null ? test.skip : test

module.exports = { parity, whereNode24 }
