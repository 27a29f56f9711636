// The classes have the members and descriptors of node:http's.
const http = require('node:http')
const { Readable, Stream } = require('node:stream')
const { inherits } = require('node:util')
const test = require('ava')
const { IncomingMessage } = require('../../build/incoming.js')
const { OutgoingMessage } = require('../../build/outgoing.js')
const { ServerResponse } = require('../../build/response.js')

const REQUEST = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {} }
const pairs = [
  ['IncomingMessage', IncomingMessage],
  ['OutgoingMessage', OutgoingMessage],
  ['ServerResponse', ServerResponse],
]

function kind(descriptor) {
  const { enumerable, configurable, value, get, set } = descriptor
  if ('value' in descriptor) return { enumerable, configurable, type: typeof value }
  return { enumerable, configurable, get: typeof get, set: typeof set }
}

for (const [name, Ours] of pairs) {
  const Theirs = http[name]

  test(`${name}: no inherited member of node:http's prototype needs its hidden state`, (t) => {
    for (const key of Reflect.ownKeys(Theirs.prototype)) {
      const own = Object.getOwnPropertyDescriptor(Ours.prototype, key)
      t.truthy(own, String(key))
      t.deepEqual(kind(own), kind(Object.getOwnPropertyDescriptor(Theirs.prototype, key)), String(key))
      const theirs =
        Theirs.prototype.constructor === Theirs && Object.getOwnPropertyDescriptor(Theirs.prototype, key).value
      // Node 24's arities and names; older lines differ in a few.
      if (
        typeof theirs === 'function' &&
        Number(process.versions.node.split('.')[0]) >= 24 &&
        typeof key === 'string'
      ) {
        t.is(own.value.length, theirs.length, key)
        t.is(own.value.name, theirs.name, key)
      }
    }
  })

  test(`${name}: name, arity and chain`, (t) => {
    t.is(Ours.name, Theirs.name)
    t.is(Ours.length, Theirs.length)
    t.is(Ours.prototype.constructor, Ours)
  })
}

test('constructors inherit as in node:http', (t) => {
  t.is(Object.getPrototypeOf(IncomingMessage), Readable)
  t.is(Object.getPrototypeOf(OutgoingMessage), Stream)
  t.is(Object.getPrototypeOf(ServerResponse), OutgoingMessage)
})

test('instanceof is true in both directions with node:http', (t) => {
  const req = new IncomingMessage(null)
  const res = new ServerResponse(REQUEST)
  t.true(req instanceof http.IncomingMessage)
  t.true(req instanceof Readable)
  t.true(res instanceof http.ServerResponse)
  t.true(res instanceof http.OutgoingMessage)
  t.true(res instanceof Stream)
  t.true(new http.IncomingMessage(null) instanceof IncomingMessage)
  t.true(new http.ServerResponse(REQUEST) instanceof ServerResponse)
  t.true(new http.ServerResponse(REQUEST) instanceof OutgoingMessage)
})

test('instanceof is false for other subclasses and other objects', (t) => {
  class Sub extends ServerResponse {}
  class NodeSub extends http.ServerResponse {}
  class SubRequest extends IncomingMessage {}
  t.false(new ServerResponse(REQUEST) instanceof Sub)
  t.false(new ServerResponse(REQUEST) instanceof NodeSub)
  t.true(new Sub(REQUEST) instanceof Sub)
  t.true(new Sub(REQUEST) instanceof http.ServerResponse)
  t.true(new NodeSub(REQUEST) instanceof NodeSub)
  t.false(new IncomingMessage(null) instanceof SubRequest)
  t.true(new SubRequest(null) instanceof SubRequest)
  t.false({} instanceof http.ServerResponse)
  t.false(null instanceof ServerResponse)
  t.false(new OutgoingMessage() instanceof ServerResponse)
})

test('constructors can be called on an object, as util.inherits needs', (t) => {
  function Old(req) {
    ServerResponse.call(this, req)
  }
  inherits(Old, ServerResponse)
  const res = new Old(REQUEST)
  res.setHeader('a', 'b')
  t.is(res.getHeader('A'), 'b')
  t.is(res.statusCode, 200)
  t.false(Object.hasOwn(res, 'statusCode'))
})

test('an object made from the prototype works once constructed, as Express does it', (t) => {
  const res = new ServerResponse(REQUEST)
  const extended = Object.create(ServerResponse.prototype, { hello: { value: () => 'hello' } })
  Object.setPrototypeOf(res, extended)
  res.end('x')
  t.is(res.hello(), 'hello')
  t.true(res.headersSent)
  t.true(res instanceof http.ServerResponse)
})
