'use strict'
// The function of docs/BUNDLING.md on a Runtime API as AWS Lambda has it. The process is stopped between two events, as Lambda
// freezes it.
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const test = require('ava')
const { listen } = require('../helpers/listen.cjs')
const { addPlatform, install } = require('./_installation.cjs')

const RUNTIME = path.join(__dirname, 'fixtures/lambda-runtime.cjs')
const PAGE = fs.readFileSync(path.join(__dirname, '../../docs/BUNDLING.md'), 'utf8')
const [, FUNCTION] = /^## AWS Lambda\n[\s\S]*?^```js\n([\s\S]*?)^```$/m.exec(PAGE)
const FUNCTIONS = {
  'the function of the page': { program: FUNCTION, options: [] },
  'a function that knows nothing of ferrohttp': {
    program: FUNCTION.replace("'ferrohttp'", "'node:http'"),
    options: ['--require', 'ferrohttp/register'],
  },
}
/** Events that the function gets, one after the other. It is stopped before every second one. */
const EVENTS = 6

function deferred() {
  const result = {}
  result.promise = new Promise((resolve) => Object.assign(result, { resolve }))
  return result
}

/** A Runtime API. `invoke` passes an event to the function that asks for the next one. */
async function runtimeApi(t) {
  const answers = new Map()
  let asks = deferred()
  const server = http.createServer(async (req, res) => {
    const [, id, kind] = /^\/2018-06-01\/runtime\/invocation\/(\w+)(?:\/(response|error))?$/.exec(req.url)
    if (id === 'next') return asks.resolve(res)
    const body = JSON.parse(await text(req))
    res.writeHead(202).end()
    answers.get(id)({ kind, body })
  })
  return {
    url: `http://127.0.0.1:${await listen(t, server)}`,
    async invoke(id, event) {
      const waiting = await asks.promise
      asks = deferred()
      const answer = new Promise((resolve) => answers.set(id, resolve))
      waiting.setHeader('Lambda-Runtime-Aws-Request-Id', id)
      waiting.end(JSON.stringify(event))
      return answer
    },
    waits: () => asks.promise,
  }
}

const onPosix = process.platform === 'win32' ? test.skip : test

for (const [title, { program, options }] of Object.entries(FUNCTIONS))
  onPosix(title, async (t) => {
    const folder = install(t)
    addPlatform(folder)
    const file = path.join(folder, 'index.cjs')
    fs.writeFileSync(file, program)
    const connections = new Set()
    const service = http.createServer((req, res) => res.end(`${req.method} ${req.url}`))
    service.on('connection', (socket) => connections.add(socket))
    const port = await listen(t, service)
    const api = await runtimeApi(t)
    const runtime = spawn(process.execPath, [...options, RUNTIME, file, api.url], {
      cwd: folder,
      env: { ...process.env, SERVICE: `http://127.0.0.1:${port}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const stderr = text(runtime.stderr)
    t.teardown(() => runtime.kill('SIGKILL'))
    for (let i = 0; i < EVENTS; i++) {
      const isFrozen = i % 2 === 1
      if (isFrozen) {
        await api.waits()
        runtime.kill('SIGSTOP')
        // The service has a shorter timeout than the function is frozen.
        for (const socket of connections) socket.destroy()
      }
      const answer = api.invoke(`id${i}`, { path: `/${i}` })
      if (isFrozen) runtime.kill('SIGCONT')
      t.deepEqual(await answer, { kind: 'response', body: { status: 200, body: `GET /${i}` } })
    }
    // One for the first event, and one after each time that it was stopped.
    t.is(connections.size, 1 + EVENTS / 2)
    runtime.kill('SIGKILL')
    await once(runtime, 'close')
    t.is(await stderr, '')
  })
