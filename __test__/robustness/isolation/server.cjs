'use strict'
// The server of the isolation test: `server.cjs MODULE UPSTREAM_PORT…`. A path is /WAY/TOKEN/LENGTH; a failure is caught, or ends
// as an uncaught exception that is ignored.
const { bodyOf, textOf, utf8Of } = require('./messages.cjs')
const [module_, ...upstreams] = process.argv.slice(2)
const http = require(module_)

process.on('uncaughtException', () => {})

/** An agent for requests that are answered. Failing handlers may leave requests that are never ended, and their sockets. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
const others = new http.Agent({ keepAlive: true, maxSockets: 16 })
/** Responses that wait for another handler's fault to answer them. */
const waiting = []

function head(res, token) {
  res.sendDate = false
  res.setHeader('X-Token', token)
}

/** Asks an upstream with `token` and answers with its response. */
function ask(res, token, length, agent, encoding) {
  const port = upstreams[length % upstreams.length]
  const headers = { Authorization: token, 'Content-Length': length }
  const req = http.request({ port, host: '127.0.0.1', agent, method: 'POST', path: `/${token}/${length}`, headers })
  req.on('error', () => {})
  req.on('response', (answer) => {
    const parts = []
    answer.on('data', (part) => parts.push(part)).on('error', () => {})
    answer.on('end', () => {
      if (!res.destroyed && !res.headersSent) res.end(Buffer.concat(parts))
    })
  })
  try {
    req.end(textOf(token, length), encoding)
  } finally {
    if (encoding !== undefined) req.destroy()
  }
  return req
}

/**
 * Answers near the end of the stack: each level tries once more on the way out. The head exists already, so the stack may end at any
 * point of writing a message. The size of a level varies, and so does the point at which the stack ends.
 */
function deep(res, answer) {
  res.writeHead(200)
  const pad = Array.from({ length: Math.floor(Math.random() * 16) }, (_, i) => i)
  const walk = (...given) => {
    try {
      walk(...given)
    } catch {
      if (!res.writableEnded) answer()
    }
  }
  try {
    walk(...pad)
  } catch {}
}

/** How many more of the calls below succeed before one throws; 0 for all. */
let left = 0

/** Has `object[name]` throw at a given call: allocation, encoding and the crossing can fail at any point. */
function injectInto(object, name) {
  const { [name]: original } = object
  object[name] = function (...given) {
    if (left > 0 && --left === 0) throw new Error('injected')
    return original.apply(this, given)
  }
}
for (const name of ['utf8Write', 'latin1Write', 'write']) injectInto(Buffer.prototype, name)
injectInto(Uint8Array.prototype, 'set')
for (const name of ['allocUnsafeSlow', 'isEncoding', 'from', 'concat', 'byteLength']) injectInto(Buffer, name)
if (module_ !== 'node:http') {
  const { BindingEnvironment } = require('../../../build/internal/bridge/native.js')
  for (const name of ['flush', 'hold', 'setOutbound']) injectInto(BindingEnvironment.prototype, name)
}

/** Calls `act` so that the call `at` of those fails. */
function injecting(at, act) {
  left = at
  try {
    act()
  } finally {
    left = 0
  }
}

class Lying extends Uint8Array {
  get length() {
    return super.length + 300
  }
  get byteLength() {
    return super.byteLength + 300
  }
}

/** A Uint8Array that does something when it is asked for its length, once. */
function acting(text, act) {
  const bytes = Buffer.from(text)
  let left = 3
  for (const name of ['length', 'byteLength']) {
    Object.defineProperty(bytes, name, {
      get() {
        if (left-- > 0) act()
        return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name).get.call(bytes)
      },
    })
  }
  return bytes
}

function answerAnother() {
  waiting.shift()?.()
}

const WAYS = {
  text: (res, token, length) => res.end(textOf(token, length)),
  utf8: (res, token, length) => res.end(utf8Of(token, length)),
  latin1: (res, token, length) => res.end(`${textOf(token, length)}\u00e9`, 'latin1'),
  buffer: (res, token, length) => res.end(Buffer.from(textOf(token, length))),
  held: (res, token, length) => res.end(bodyOf('held', token, length)),
  parts(res, token, length) {
    for (let i = 0; i < 3; i++) res.write(textOf(token, length))
    res.end()
  },
  buffers(res, token, length) {
    res.write(Buffer.from(textOf(token, length)))
    setImmediate(() => {
      res.write(Buffer.from(textOf(token, length)))
      res.end(textOf(token, length), 'latin1')
    })
  },
  trailers(res, token, length) {
    res.write(textOf(token, length))
    res.write(textOf(token, length))
    res.addTrailers({ 'X-End': token })
    res.end(textOf(token, length))
  },
  interim(res, token, length) {
    res.writeEarlyHints({ link: `${token}; rel=preload` })
    res.end(textOf(token, length))
  },
  later: (res, token, length) => setTimeout(() => res.end(utf8Of(token, length)), length % 5),
  job: (res, token, length) => Promise.resolve().then(() => res.end(textOf(token, length))),
  tick(res, token, length) {
    // Answered by another peer's fault, or when it has waited long enough.
    const answer = () => {
      if (!res.writableEnded) res.end(textOf(token, length))
    }
    waiting.push(answer)
    setTimeout(answer, 5)
  },
  ask: (res, token, length) => void ask(res, token, length, agent),

  encoding: (res, token, length) => res.end(utf8Of(token, length), 'iso-8859-1'),
  'encoding-parts'(res, token, length) {
    res.write(textOf(token, length))
    res.write(utf8Of(token, length), 'utf8mb4')
  },
  'encoding-raw'(res, token, length) {
    res.write(textOf(token, length))
    res.socket.write(utf8Of(token, length), 'windows-1252')
  },
  'encoding-ask': (res, token, length) => void ask(res, token, length, agent, 'iso-8859-1'),
  deep: (res, token, length) => deep(res, () => res.end(textOf(token, length), 'latin1')),
  'deep-parts': (res, token, length) =>
    deep(res, () => {
      res.write(textOf(token, length))
      res.end(utf8Of(token, length))
    }),
  'deep-held': (res, token, length) => deep(res, () => res.end(bodyOf('held', token, length))),
  'deep-interim': (res, token, length) =>
    deep(res, () => {
      res.writeProcessing()
      res.end(textOf(token, length))
    }),
  'deep-raw': (res, token, length) =>
    deep(res, () => {
      res.socket.write(`HTTP/1.1 200 OK\r\nX-Raw: ${token}\r\nContent-Length: 0\r\n\r\n`)
      res.end(textOf(token, length))
    }),
  'deep-ask': (res, token, length) =>
    deep(res, () => {
      ask(res, token, length, others)
    }),
  injected(res, token, length) {
    // The head is made beforehand, so that the write fails.
    const ways = [
      () => res.end(utf8Of(token, length % 3000)),
      () => res.end(bodyOf('held', token, length)),
      () => res.end(Buffer.from(textOf(token, 1 + (length % 3000)))),
      () => res.end(textOf(token, 100), 'latin1'),
      () => res.end(textOf(token, 100), 'hex'),
      () => res.socket.write(utf8Of(token, 100)),
      () => {
        res.write(utf8Of(token, 100))
        res.end(bodyOf('held', token, length))
      },
    ]
    if (length % 3 === 0) res.setHeader('X-Long', textOf(token, length % 9 === 0 ? 300_000 : 10))
    res.writeHead(200)
    injecting(1 + (length % 5), ways[length % ways.length])
  },
  'injected-ask': (res, token, length) => injecting(1 + (length % 7), () => ask(res, token, length, others)),
  'lying-length': (res, token, length) => res.end(new Lying(Buffer.from(textOf(token, length)))),
  'throwing-length': (res, token, length) =>
    res.end(
      acting(textOf(token, length), () => {
        throw new Error('length')
      }),
    ),
  'answering-length': (res, token, length) => res.end(acting(textOf(token, length), answerAnother)),
  'throwing-text'(res, token) {
    res.setHeader('X-Text', {
      toString() {
        throw new Error(token)
      },
    })
    res.end(token)
  },
  'answering-text'(res, token) {
    res.setHeader('X-Text', {
      toString() {
        answerAnother()
        return token
      },
    })
    res.end(token)
  },
  proxy: (res, token, length) =>
    res.end(
      new Proxy(Buffer.from(textOf(token, length)), {
        get: () => {
          throw new Error(token)
        },
      }),
    ),
  'replaced-head'(res, token, length) {
    res.writeHead(200)
    res._header = { toString: () => `HTTP/1.1 200 OK\r\nX-Token: ${token}\r\n\r\n` }
    res.end(textOf(token, length))
  },
  'long-head'(res, token, length) {
    res.setHeader('X-Long', textOf(token, 200_000 + length))
    res.end(textOf(token, length))
  },
  detached(res, token, length) {
    const bytes = new Uint8Array(Buffer.from(textOf(token, length + 20_000)))
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    res.end(bytes)
  },
  transferred(res, token, length) {
    const bytes = new Uint8Array(Buffer.from(textOf(token, length + 20_000)))
    res.write(bytes)
    res.end()
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  },
  shrunk(res, token, length) {
    const memory = new ArrayBuffer(length + 20_000, { maxByteLength: length + 20_000 })
    const bytes = new Uint8Array(memory)
    bytes.set(Buffer.from(textOf(token, length + 20_000)))
    res.end(bytes)
    memory.resize(1)
  },
  destroyed(res, token, length) {
    res.write(textOf(token, length))
    if (length % 2 === 0) res.destroy()
    else setImmediate(() => res.socket?.destroy())
  },
  thrown(res, token, length) {
    res.write(textOf(token, length))
    throw new Error(token)
  },
  // The peer has closed by then.
  abandoned: (res, token, length) => setTimeout(() => res.end(textOf(token, length)), length % 7),
}

const server = http.createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
  const [, way, token, length] = req.url.split('/')
  head(res, decodeURIComponent(token))
  res.on('error', () => {})
  WAYS[way](res, decodeURIComponent(token), Number(length))
})
server.on('clientError', (_error, socket) => socket.destroy())
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
