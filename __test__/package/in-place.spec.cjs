'use strict'
// The register module replaces node:http when a program first uses it: the modules that are loaded before, and what a program can observe.
const { spawnSync } = require('node:child_process')
const test = require('ava')
const { MAJOR, node } = require('../helpers/nodes.cjs')

const REGISTER = require.resolve('ferrohttp/register')
const OURS = JSON.stringify(require.resolve('ferrohttp'))
const OURS_HTTPS = JSON.stringify(require.resolve('ferrohttp/https'))
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)

/** The output of a CommonJS program with the register module and other options. */
function run(t, major, script, ...options) {
  const args = ['--require', REGISTER, ...options, '-e', script]
  const { stdout, stderr, status } = spawnSync(node(major), args, { encoding: 'utf8' })
  t.deepEqual({ stderr, status }, { stderr: '', status: 0 })
  return stdout
}

const LOADED = `
  const { basename, sep } = require('path')
  const files = Object.keys(require.cache).map((file) => basename(file)).filter((file) => file.endsWith('.js'))
  const builtin = process.moduleLoadList.filter((name) => /^NativeModule (https|tls|crypto|http2|dns|child_process|worker_threads|perf_hooks)$/.test(name))
  const threads = process.platform === 'linux' ? require('fs').readdirSync('/proc/self/task').filter((id) =>
    require('fs').readFileSync('/proc/self/task/' + id + '/comm', 'utf8').startsWith('ferrohttp')).length : 0
`

for (const major of NODES) {
  for (const entry of ['https', 'metrics', 'inspect']) {
    test(`Node ${major}: ferrohttp/${entry} before the first use of http`, (t) => {
      const script = `
        require(${JSON.stringify(require.resolve(`ferrohttp/${entry}`))})
        const http = require('http')
        process.stdout.write(String(http.createServer === require(${OURS}).createServer))`
      t.is(run(t, major, script), 'true')
    })
  }

  test(`Node ${major}: a program that does not use http loads none of it, and no thread is started`, (t) => {
    const script = `${LOADED} process.stdout.write(JSON.stringify({ files, builtin, threads }))`
    const { files, builtin, threads } = JSON.parse(run(t, major, script))
    t.deepEqual(files, ['register.js', 'early.js'])
    const plain = spawnSync(node(major), [
      '-r',
      'http',
      '-e',
      `${LOADED} process.stdout.write(JSON.stringify(builtin))`,
    ])
    t.deepEqual(builtin, JSON.parse(plain.stdout))
    t.is(threads, 0)
  })

  test(`Node ${major}: a program that uses http loads few modules that it would not load with node:http`, (t) => {
    const script = `
      const http = require('http')
      const server = http.createServer((req, res) => res.end('x')).listen(0, '127.0.0.1', () => {
        http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (res) => {
          res.resume().on('end', () => {
            server.close()
            process.stdout.write(process.moduleLoadList.filter((name) => /^NativeModule [^/]*$/.test(name)).join())
          })
        })
      })`
    const loaded = (list) => String(list).replaceAll('NativeModule ', '').split(',')
    const plain = new Set(loaded(spawnSync(node(major), ['-e', script]).stdout))
    const added = loaded(run(t, major, script)).filter((name) => !plain.has(name))
    // Each takes milliseconds. `child_process` and `dgram`, which it loads, are there to pass connections to children.
    const due = ['child_process', 'dgram', 'os', 'perf_hooks', 'trace_events', 'worker_threads']
    t.deepEqual(
      added.filter((name) => !due.includes(name)),
      [],
    )
  })

  test(`Node ${major}: after require the members are plain properties`, (t) => {
    const script = `
      const http = require('node:http')
      const ours = require(${OURS})
      for (const name of ['createServer', 'Server', 'IncomingMessage', 'ServerResponse', 'request', 'get', 'Agent', 'ClientRequest']) {
        const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(http, name)
        if (value !== ours[name] || !writable || !enumerable || !configurable) console.log(name)
      }`
    t.is(run(t, major, script), '')
  })

  test(`Node ${major}: after the first use of any member all members are ours`, (t) => {
    const firsts = [
      'http.get',
      'http.request = http.request',
      'http.globalAgent',
      '({ ...http })',
      'process.getBuiltinModule("_http_agent").Agent',
      'process.getBuiltinModule("_http_server").Server',
      `require(${OURS})`,
      'require("http")',
      'require("express-that-is-not-there")',
    ]
    for (const first of firsts) {
      const script = `
        process.noDeprecation = true
        const http = process.getBuiltinModule('http')
        try { ${first} } catch { http.Server }
        const ours = require(${OURS})
        const wrong = ['createServer', 'Server', 'request', 'get', 'Agent', 'globalAgent', 'OutgoingMessage'].filter((name) => http[name] !== ours[name])
        const inner = { _http_agent: 'Agent', _http_client: 'ClientRequest', _http_server: 'Server', _http_incoming: 'IncomingMessage' }
        for (const [name, member] of Object.entries(inner)) if (process.getBuiltinModule(name)[member] !== ours[member]) wrong.push(name)
        process.stdout.write(wrong.join())`
      t.is(run(t, major, script), '', first)
    }
  })

  test(`Node ${major}: a member that the program assigns first is not replaced`, (t) => {
    const script = `
      const http = process.getBuiltinModule('http')
      const mine = () => {}
      http.request = mine
      process.stdout.write(String([http.request === mine, http.get === require(${OURS}).get, require('http').request === mine]))`
    t.is(run(t, major, script), 'true,true,true')
  })

  test(`Node ${major}: imported members are ours, by name and as default`, (t) => {
    const script = `
      import * as named from 'node:http'
      import http, { createServer, globalAgent, request } from 'http'
      import ours from ${OURS}
      process.stdout.write(String([
        createServer === ours.createServer, request === ours.request, globalAgent === ours.globalAgent,
        http.Server === ours.Server, named.Agent === ours.Agent,
      ]))`
    t.is(run(t, major, script, '--input-type=module'), 'true,true,true,true,true')
  })

  test(`Node ${major}: where node:http has been imported before, it is replaced at once`, (t) => {
    const before = 'data:text/javascript,import{createServer}from"node:http";globalThis.before=createServer'
    const script = `
      import { createServer } from 'node:http'
      import ours from ${OURS}
      process.stdout.write(String([createServer === ours.createServer, globalThis.before !== createServer]))`
    const args = ['--import', before, '--import', REGISTER, '--input-type=module', '-e', script]
    t.is(spawnSync(node(major), args, { encoding: 'utf8' }).stdout, 'true,true')
  })

  test(`Node ${major}: a program that uses http, and one that requires https, find ours`, (t) => {
    for (const first of [
      '',
      'http.Server;',
      'Object.freeze(Error);',
      'Error.stackTraceLimit = 0;',
      'require("http2");',
    ]) {
      const script = `
        process.noDeprecation = true
        const http = process.getBuiltinModule('http')
        ${first}
        const https = require('https')
        const { Agent } = http
        require('http2')
        const ours = require(${OURS_HTTPS})
        const { get, value } = Object.getOwnPropertyDescriptor(https, 'Server')
        process.stdout.write(String([
          Object.getPrototypeOf(https.Agent.prototype) === Agent.prototype, Object.getPrototypeOf(https.Agent) === Agent,
          Object.keys(ours).every((name) => https[name] === ours[name]), get === undefined, https.createServer.length,
          http.Server === require(${OURS}).Server, Agent === require(${OURS}).Agent,
        ]))`
      t.is(run(t, major, script), 'true,true,true,true,2,true,true', first)
    }
  })

  test(`Node ${major}: members of https that are imported are ours, by name and as default`, (t) => {
    for (const first of ['', "import 'node:http'", "import 'node:tls'"]) {
      const script = `
        ${first}
        import * as named from 'node:https'
        import https, { createServer, globalAgent, request } from 'https'
        import ours from ${OURS_HTTPS}
        process.stdout.write(String([
          createServer === ours.createServer, request === ours.request, globalAgent === ours.globalAgent,
          https.Server === ours.Server, named.Agent === ours.Agent,
        ]))`
      t.is(run(t, major, script, '--input-type=module'), 'true,true,true,true,true', first)
    }
  })

  test(`Node ${major}: where node:https has been loaded before the register module, it is replaced at once`, (t) => {
    const before = 'data:text/javascript,import{createServer}from"node:https";globalThis.before=createServer'
    const script = `
      import { createServer } from 'node:https'
      import ours from ${OURS_HTTPS}
      process.stdout.write(String([createServer === ours.createServer, globalThis.before !== createServer]))`
    const args = ['--import', before, '--import', REGISTER, '--input-type=module', '-e', script]
    t.is(spawnSync(node(major), args, { encoding: 'utf8' }).stdout, 'true,true')
  })

  test(`Node ${major}: ferrohttp/https alone replaces nothing`, (t) => {
    const script = `
      const [http, https] = [require('http'), require('https')]
      const before = [http.Agent, https.Agent, https.createServer]
      const ours = require(${OURS_HTTPS})
      process.stdout.write(String([
        [http.Agent, https.Agent, https.createServer].every((member, i) => member === before[i]),
        ours.Agent !== https.Agent, new ours.Agent() instanceof https.Agent, ours.createServer() instanceof https.Server,
      ]))`
    const { stdout } = spawnSync(node(major), ['-e', script], { encoding: 'utf8' })
    t.is(stdout, 'true,true,true,true')
  })

  test(`Node ${major}: assigning https.globalAgent changes the agent of requests`, (t) => {
    const script = `
      const https = require('https')
      const agent = (https.globalAgent = new https.Agent({ timeout: 1 }))
      const request = https.request({ host: '127.0.0.1', port: 1 }).on('error', () => {})
      process.stdout.write(String([request.agent === agent, require(${OURS_HTTPS}).globalAgent === agent]))`
    t.is(run(t, major, script), 'true,true')
  })

  test(`Node ${major}: clocks and sockets that a test replaces first are not ferrohttp's`, (t) => {
    const script = `
      const real = { setTimeout, setImmediate }
      const stop = () => { throw new Error('replaced') }
      globalThis.setTimeout = globalThis.setImmediate = globalThis.setInterval = process.nextTick = process.hrtime = stop
      globalThis.Date = class extends Date { static now() { stop() } }
      const http = require('http')
      const server = http.createServer((req, res) => res.end(String(res.getHeader('date')))).listen(0, '127.0.0.1')
      server.on('listening', () => {
        http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (res) => {
          res.resume().on('end', () => server.close(() => process.stdout.write(String(res.statusCode))))
        })
      })`
    const { stdout } = spawnSync(node(major), ['--require', REGISTER, '-e', script], { encoding: 'utf8' })
    const plain = spawnSync(node(major), ['-e', script], { encoding: 'utf8' })
    t.is(stdout, plain.stdout)
  })
}
