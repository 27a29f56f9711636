'use strict'
// Names, kinds, parameters and names of functions: ours has those of the running Node's http. Allowed differences are
// listed here, and docs/COMPATIBILITY.md has the reasons.
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const test = require('ava')
const node = require('node:http')
const ours = require('ferrohttp')
const { MAJOR } = require('../helpers/nodes.cjs')

const COMPATIBILITY = fs.readFileSync(path.join(__dirname, '../../docs/COMPATIBILITY.md'), 'utf8')

/** Node 24 is the measure; other versions differ from it here. */
const OTHER_VERSIONS = {
  20: [
    'http.Agent.prototype.createConnection: function connect/0 | function createConnection/0',
    'http.IncomingMessage.prototype._read: function _read/1 | function _read/0',
    'http.OutgoingMessage.prototype.cork: function /0 | function cork/0',
    'http.OutgoingMessage.prototype.uncork: function /0 | function uncork/0',
    'http.Server.prototype.close: function /0 | function close/0',
    'http.Server.prototype.closeAllConnections: function /0 | function closeAllConnections/0',
    'http.Server.prototype.closeIdleConnections: function /0 | function closeIdleConnections/0',
    'http.validateHeaderName: function wrappedFn/0 | function validateHeaderName/0',
    'http.validateHeaderValue: function wrappedFn/0 | function validateHeaderValue/0',
  ],
  22: ['http.IncomingMessage.prototype._read: function _read/1 | function _read/0'],
}

/** Members that ours has and Node 24 does not: accessors instead of own properties, and members of newer versions. */
const EXTRA = new Set([
  'http.stats',
  'http.createClient',
  'http.__esModule',
  'http.setGlobalProxyFromEnv',
  'http.ClientRequest.prototype.path',
  'http.IncomingMessage.prototype.socket',
  'http.IncomingMessage.prototype.client',
  'http.IncomingMessage.prototype.rawHeaders',
  'http.IncomingMessage.prototype.rawTrailers',
  'http.IncomingMessage.prototype.signal',
  'http.IncomingMessage.prototype._dumpAndCloseReadable',
  'http.OutgoingMessage.prototype.socket',
  'http.OutgoingMessage.prototype._isLenientHeaderValidation',
  'http.Server.prototype.drain',
  'http.Server.prototype.timeout',
  'http.Server.prototype.headersTimeout',
  'http.Server.prototype.requestTimeout',
  'http.Server.prototype.keepAliveTimeout',
  'http.Server.prototype.keepAliveTimeoutBuffer',
  'http.Server.prototype.maxHeadersCount',
  'http.Server.prototype.maxConnections',
  'http.ServerResponse.prototype.writeHeader',
  'http.ServerResponse.prototype.writeInformation',
])

function find(object, key) {
  for (let at = object; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, key)
    if (found) return found
  }
  return undefined
}

function shape(descriptor) {
  if (descriptor === undefined) return 'absent'
  if (descriptor.get || descriptor.set)
    return `accessor ${descriptor.get ? 'get' : ''}${descriptor.set ? 'set' : ''}${descriptor.enumerable ? '' : ' hidden'}`
  const hidden = descriptor.enumerable ? '' : ' hidden'
  if (typeof descriptor.value !== 'function') return typeof descriptor.value + hidden
  return `function ${descriptor.value.name}/${descriptor.value.length}${hidden}`
}

/** Differences of everything that can be reached by name from `theirs`. */
function compare(name, theirs, its, depth, found) {
  for (const key of Object.getOwnPropertyNames(theirs)) {
    // Members of Node's wrapper around its checks.
    if (key === 'withoutStackTrace') continue
    const [expected, actual] = [Object.getOwnPropertyDescriptor(theirs, key), find(its, key)]
    const full = `${name}.${key}`
    if (shape(expected) !== shape(actual)) found.differences.push(`${full}: ${shape(expected)} | ${shape(actual)}`)
    else if (depth > 0 && typeof expected.value === 'function' && key !== 'constructor') {
      if (expected.value.prototype && actual.value.prototype)
        compare(`${full}.prototype`, expected.value.prototype, actual.value.prototype, 0, found)
      compare(full, expected.value, actual.value, 0, found)
    }
  }
  for (const key of Object.getOwnPropertyNames(its)) {
    if (find(theirs, key) === undefined) found.extra.push(`${name}.${key}`)
  }
}

test('members are those of the running Node', (t) => {
  const found = { differences: [], extra: [] }
  compare('http', node, ours, 1, found)
  const known = new Set(OTHER_VERSIONS[MAJOR] ?? [])
  t.deepEqual(
    found.differences.filter((difference) => !known.has(difference)),
    [],
  )
  t.deepEqual(
    found.extra.filter((name) => !EXTRA.has(name)),
    [],
  )
})

/** Own properties of fresh objects that Node has and we have elsewhere, or the other way round. */
const OWN = {
  server: [
    'httpValidation',
    'requestTimeout',
    'headersTimeout',
    'keepAliveTimeout',
    'keepAliveTimeoutBuffer',
    'timeout',
    'maxHeadersCount',
    'optimizeEmptyRequests',
    'shouldUpgradeCallback',
  ],
  request: ['socket', 'rawHeaders', 'rawTrailers', 'client'],
  response: ['socket'],
  message: ['socket'],
  agent: ['agentKeepAliveTimeoutBuffer'],
  clientRequest: ['httpValidation', 'path', 'socket'],
}

const FRESH = {
  server: (http) => http.createServer(),
  request: (http) => new http.IncomingMessage(new net.Socket()),
  response: (http) => new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 }),
  message: (http) => new http.OutgoingMessage(),
  agent: (http) => new http.Agent(),
  clientRequest: (http) => new http.ClientRequest({ createConnection: () => new net.Socket() }),
}

for (const [name, make] of Object.entries(FRESH)) {
  test(`own properties of a fresh ${name}`, (t) => {
    const [theirs, its] = [make(node), make(ours)].map((object) => new Set(Object.keys(object)))
    const known = new Set(OWN[name])
    t.deepEqual(
      [...theirs].filter((key) => !its.has(key) && !known.has(key)),
      [],
      'lacks',
    )
    t.deepEqual(
      [...its].filter((key) => !theirs.has(key) && !known.has(key)),
      [],
      'has',
    )
  })
}

test('differences are documented', (t) => {
  const names = Object.values(OWN)
    .flat()
    .concat([...EXTRA].map((name) => name.split('.').at(-1)).filter((name) => !name.startsWith('_')))
  t.deepEqual(
    [...new Set(names)].filter((name) => !COMPATIBILITY.includes(name)),
    [],
  )
})

test('constructors that can be called without new in Node', (t) => {
  for (const http of [node, ours]) {
    t.true(http.Agent() instanceof http.Agent)
    t.true(http.Server() instanceof http.Server)
    for (const name of ['IncomingMessage', 'OutgoingMessage', 'ServerResponse', 'ClientRequest'])
      t.is(typeof http[name], 'function')
  }
})

test('instances of ours are instances of the builtin classes', (t) => {
  t.true(FRESH.server(ours) instanceof node.Server)
  t.true(FRESH.server(ours) instanceof net.Server)
  t.true(FRESH.request(ours) instanceof node.IncomingMessage)
  t.true(FRESH.response(ours) instanceof node.ServerResponse)
  t.true(FRESH.response(ours) instanceof node.OutgoingMessage)
  t.true(FRESH.agent(ours) instanceof node.Agent)
  t.true(FRESH.clientRequest(ours) instanceof node.ClientRequest)
  t.true(FRESH.clientRequest(ours) instanceof node.OutgoingMessage)
})

test('a proxy of a class has the instances of the class, a subclass does not', (t) => {
  for (const [name, fresh] of [
    ['Agent', FRESH.agent],
    ['ClientRequest', FRESH.clientRequest],
    ['IncomingMessage', FRESH.request],
    ['ServerResponse', FRESH.response],
  ])
    for (const http of [ours, node])
      for (const other of [ours, node]) {
        t.true(fresh(other) instanceof new Proxy(http[name], {}), name)
        t.false(fresh(other) instanceof class extends http[name] {}, name)
      }
})
