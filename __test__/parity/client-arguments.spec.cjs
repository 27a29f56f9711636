'use strict'
// The arguments of `request`, `get` and `Agent`, and the errors for invalid ones.
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

/** Logs the error of making it, or its outcome. */
function refusals(title, cases) {
  on24(
    title,
    parity(async (http, log) => {
      for (const [label, make] of Object.entries(cases(http))) {
        try {
          const made = make()
          made.on?.('error', () => {})
          made.destroy?.()
          log(label, 'taken')
        } catch (error) {
          log(label, error)
        }
      }
    }),
  )
}

const NOWHERE = { host: '127.0.0.1', port: 9 }

refusals('options of the wrong kind', (http) =>
  Object.fromEntries(
    [
      { path: '/a b' },
      { path: '/\u0100' },
      { path: 1 },
      { agent: 1 },
      { agent: {} },
      { agent: true },
      { protocol: 'https:' },
      { protocol: 'ftp:' },
      { host: 1 },
      { hostname: [] },
      { hostname: null, host: 'a' },
      { method: 1 },
      { method: 'a b' },
      { method: '' },
      { timeout: 'a' },
      { timeout: -1 },
      { timeout: NaN },
      { maxHeaderSize: -1 },
      { maxHeaderSize: 'a' },
      { insecureHTTPParser: 1 },
      { joinDuplicateHeaders: 1 },
      { headers: { 'a b': 1 } },
      { headers: { a: undefined } },
      { headers: { a: '\n' } },
      { headers: { a: 'é' } },
      { headers: { a: '\u0100' } },
      { headers: ['a'] },
      { headers: ['a b', 'c'] },
      { headers: { host: ['a', 'b'] } },
      { signal: 1 },
      { localAddress: 'nowhere' },
      { port: 70000 },
      { port: 'x' },
      { family: 9 },
      { lookup: 1 },
      { agent: null, port: 70000 },
    ].map((options) => [JSON.stringify(options), () => http.request({ ...NOWHERE, ...options })]),
  ),
)

refusals('forms of the call', (http) => ({
  'not a URL': () => http.request('not a url'),
  'a URL of https': () => http.request('https://127.0.0.1:9'),
  'a URL with a space': () => http.request('http://127.0.0.1:9/a b'),
  nothing: () => http.request(),
  null: () => http.request(null),
  'a function': () => http.request(() => {}),
  'a URL and a function': () => http.get('http://127.0.0.1:9', () => {}),
  'a URL, null and a function': () => http.get('http://127.0.0.1:9', null, () => {}),
  'a listener that is none': () => http.request(NOWHERE, 'listener'),
}))

refusals('agents', (http) =>
  Object.fromEntries(
    [
      {},
      { scheduling: 'x' },
      { maxTotalSockets: 'a' },
      { maxTotalSockets: 0 },
      { maxSockets: -1 },
      { keepAliveMsecs: 'x' },
      { agentKeepAliveTimeoutBuffer: 'x' },
      { proxyEnv: { HTTP_PROXY: 'http://' } },
      { proxyEnv: { HTTP_PROXY: 'http://a\nb' } },
    ].map((options) => [JSON.stringify(options), () => new http.Agent(options)]),
  ),
)

on24(
  'the public members of a request',
  parity(async (http, log) => {
    const made = [
      http.request('http://u:p@127.0.0.1:9/x?y#z', { headers: { a: 1, B: 'c' } }),
      http.request(new URL('http://[::1]:9/'), { method: 'put' }),
      http.request({ host: '::1', port: 80, setHost: true, setDefaultHeaders: false }),
      http.request({ ...NOWHERE, headers: { expect: '100-continue' } }),
      http.request({ ...NOWHERE, agent: false }),
      http.request({ ...NOWHERE, agent: null, timeout: 5 }),
    ]
    for (const request of made) {
      request.on('error', () => {})
      const { path, host, protocol, method, timeout, aborted, destroyed, reusedSocket, maxHeadersCount } = request
      log(path, host, protocol, method, timeout, aborted, destroyed, reusedSocket, maxHeadersCount)
      log(request.getHeaders(), request.getRawHeaderNames(), request.headersSent, request.shouldKeepAlive)
      log(request.socket, request.connection, request.finished, request.writableEnded, request.writableFinished)
      try {
        request.path = '/a b'
      } catch (error) {
        log(error)
      }
      try {
        request.setHeader('x', 'y')
        log(request.getHeader('x'))
      } catch (error) {
        log(error)
      }
      request.destroy()
    }
  }),
)

on24(
  'shapes',
  parity(async (http, log) => {
    for (const name of ['Agent', 'ClientRequest', 'request', 'get', 'setMaxIdleHTTPParsers'])
      log(name, typeof http[name], http[name].name, http[name].length)
    for (const Class of [http.Agent, http.ClientRequest]) {
      log(Object.getOwnPropertyNames(Class.prototype).sort())
      log(Object.keys(Class.prototype).sort())
      for (const name of Object.keys(Class.prototype))
        if (name !== 'path') log(name, typeof Class.prototype[name], Class.prototype[name].length)
    }
    const agent = new http.Agent({ keepAlive: true })
    log(Object.keys(agent), agent.options, http.Agent.defaultMaxSockets)
    log(http.Agent() instanceof http.Agent, agent instanceof require('node:events'))
    log(new (require('node:https').Agent)() instanceof http.Agent, agent instanceof require('node:http').Agent)
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(http, 'globalAgent')
    log(typeof get, typeof set, enumerable, configurable, http.globalAgent instanceof http.Agent)
    log(http.globalAgent.options, http.globalAgent.keepAlive, http.globalAgent.maxSockets)
  }),
)

on24(
  'getName',
  parity(async (http, log) => {
    const agent = new http.Agent()
    for (const options of [
      undefined,
      {},
      { port: 80 },
      { host: 'h', port: 1, localAddress: 'l' },
      { family: 4 },
      { family: 0, socketPath: '/x' },
      { host: '', family: 6 },
    ])
      log(agent.getName(options))
  }),
)

on24(
  'globalAgent can be replaced',
  parity(async (http, log, { after }) => {
    const before = http.globalAgent
    after(() => {
      http.globalAgent = before
    })
    http.globalAgent = new http.Agent()
    const request = http.request(NOWHERE)
    request.on('error', () => {})
    log(request.agent === http.globalAgent, request.agent === before)
    request.destroy()
  }),
)
