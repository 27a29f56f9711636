'use strict'
// Each sample of JavaScript in the README and in docs/ runs. A server gets one request, which it answers with 200; all others end by
// themselves without an error.
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { text } = require('node:stream/consumers')
const test = require('ava')
const { listen } = require('../helpers/listen.cjs')

const ROOT = path.join(__dirname, '../..')
const PAGES = ['README.md', ...fs.readdirSync(path.join(ROOT, 'docs')).map((name) => `docs/${name}`)]
/** Frameworks that samples use. ES modules do not look there. */
const NODE_PATH = path.join(ROOT, '__test__/frameworks/node_modules')

/** Has a server that listens on 8080 use any port, and sends it one request. */
const PREAMBLE = `
const { Server } = require('node:net')
const { listen } = Server.prototype
Server.prototype.listen = function (...args) {
  const port = args[0]?.port ?? args[0]
  if (port !== 8080) return listen.apply(this, args)
  const done = args.findLast((arg) => typeof arg === 'function')
  return listen.call(this, 0, '127.0.0.1', () => {
    done?.call(this)
    require('node:http').get({ port: this.address().port, host: '127.0.0.1' }, (res) => {
      require('node:fs').writeSync(1, 'answered ' + res.statusCode + '\\n')
      process.exit()
    })
  })
}
`

const samples = PAGES.filter((page) => page.endsWith('.md')).flatMap((page) => {
  const all = fs.readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```(?:js|mjs|cjs)\n([\s\S]*?)^```$/gm)
  return [...all].map(([, sample], index) => ({ title: `${page}, sample ${index + 1}`, sample }))
})

test('there are samples', (t) => {
  t.true(samples.length >= 20)
})

for (const { title, sample } of samples) {
  test(title, async (t) => {
    const folder = fs.mkdtempSync(path.join(ROOT, 'build/sample-'))
    t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }))
    const isServer = sample.includes('8080') && !sample.includes('localhost:8080')
    // The server for the samples of clients.
    const port = isServer
      ? 8080
      : await listen(
          t,
          http.createServer((_req, res) => res.end('hello')),
        )
    const file = path.join(folder, /^import /m.test(sample) ? 'sample.mjs' : 'sample.cjs')
    fs.writeFileSync(file, sample.replaceAll('localhost:8080', `localhost:${port}`))
    const preamble = path.join(folder, 'preamble.cjs')
    fs.writeFileSync(preamble, PREAMBLE)
    const child = spawn(process.execPath, ['--require', preamble, file], {
      cwd: ROOT,
      env: { ...process.env, NODE_PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    t.is(stderr.replace(/^GET \/ 200\n$/, ''), '')
    t.is(status, 0)
    if (isServer) t.true(stdout.endsWith('answered 200\n'), stdout)
  })
}
