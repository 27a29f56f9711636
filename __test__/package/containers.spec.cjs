'use strict'
// What the Dockerfile of docs/BUNDLING.md and the manifest of docs/OPERATE.md start, in a folder as the image has it: it serves,
// answers probes, and ends after its requests on SIGTERM.
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { createInterface } = require('node:readline')
const { text } = require('node:stream/consumers')
const test = require('ava')
const { RawClient } = require('../helpers/raw-client.cjs')
const { addPlatform, install } = require('./_installation.cjs')

const read = (name) => fs.readFileSync(path.join(__dirname, '../../docs', name), 'utf8')
const dockerfile = /^```dockerfile\n([\s\S]*?)^```$/m.exec(read('BUNDLING.md'))[1]
const manifest = /^```yaml\n([\s\S]*?)^```$/m.exec(read('OPERATE.md'))[1]

const STARTED = {
  Dockerfile: {
    command: JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)[1]),
    variables: [...dockerfile.matchAll(/^ENV (\w+)=(\S+)$/gm)],
  },
  'manifest of Kubernetes': {
    command: /^ +command: \[(.*)\]$/m.exec(manifest)[1].split(', '),
    variables: [...manifest.matchAll(/^ +- \{ name: (\w+), value: (\S+) \}$/gm)],
  },
}
/** A program with something that keeps it alive, such as a pool of connections to a database. */
const PROGRAM = `
  const server = require('node:http').createServer((req, res) => {
    console.log('request')
    process.stdin.once('data', () => res.end('answer'))
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
  setInterval(() => {}, 1_000)
`
const GET = (target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`
/** Connects until the port refuses it. */
async function refused(port) {
  for (;;) await (await RawClient.connect(port)).end()
}

const onPosix = process.platform === 'win32' ? test.skip : test

for (const [name, { command, variables }] of Object.entries(STARTED))
  onPosix(name, async (t) => {
    const folder = install(t)
    addPlatform(folder)
    fs.writeFileSync(path.join(folder, 'app.js'), PROGRAM)
    const env = Object.fromEntries(variables.map(([, variable, value]) => [variable, value]))
    t.is(env.FERROHTTP, 'require')
    t.is(command[0], 'node')
    // The delay is for load balancers.
    const args = command.slice(1).map((arg, index, all) => (all[index - 1] === '--drain-delay' ? '1s' : arg))
    const child = spawn(process.execPath, args, { cwd: folder, env, stdio: 'pipe' })
    t.teardown(() => child.kill('SIGKILL'))
    const ended = once(child, 'close')
    const stderr = text(child.stderr)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const port = Number((await lines.next()).value)
    const client = await RawClient.connect(port)
    if (env.FERROHTTP_HEALTH_READY !== undefined) {
      await client.write(GET(env.FERROHTTP_HEALTH_READY))
      t.regex(await client.readUntil('}'), /^HTTP\/1\.1 200 [\s\S]*"ok"/)
    }
    await client.write(GET('/'))
    t.is((await lines.next()).value, 'request')
    child.kill('SIGTERM')
    await t.throwsAsync(refused(port), { code: 'ECONNREFUSED' })
    child.stdin.end('now')
    t.regex(await client.readUntil('answer'), /Connection: close\r\n[\s\S]*answer$/)
    t.deepEqual(await ended, [null, 'SIGTERM'])
    t.is(await stderr, '')
  })
