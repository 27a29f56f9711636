'use strict'
// The calls of a request to a stream that is not ours (a mock, a recorder), in their order, corked or not.
const { Duplex, Readable } = require('node:stream')
const { once } = require('node:events')
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const shown = (chunk, encoding) => (Buffer.isBuffer(chunk) ? chunk.length : `${encoding} ${chunk.length}`)

/** Emits 'connect' in a later turn. */
function connectLater(stream) {
  stream.connecting = true
  setImmediate(() => {
    stream.connecting = false
    stream.emit('connect')
    stream.emit('ready')
  })
}

class Mock extends Duplex {
  constructor(log) {
    super()
    this.log = log
  }
  _read() {}
  _write(chunk, encoding, callback) {
    this.log('write', shown(chunk, encoding))
    callback()
  }
  _writev(chunks, callback) {
    this.log('writev', ...chunks.map(({ chunk }) => chunk.length))
    callback()
  }
  setKeepAlive() {}
  setNoDelay() {}
  setTimeout() {}
  ref() {}
  unref() {}
}

class MockSocket extends net.Socket {
  constructor(log) {
    super()
    this.log = log
  }
  write(chunk, encoding, callback) {
    this.log('write', shown(chunk, encoding), 'corked', this.writableCorked)
    if (callback) process.nextTick(callback)
    return true
  }
  cork() {
    this.log('cork')
    super.cork()
  }
  uncork() {
    this.log('uncork')
    super.uncork()
  }
}

const sends = {
  end: (req) => req.end(),
  'end with text': (req) => req.end('abcd'),
  'end with bytes': (req) => req.end(Buffer.from('abcd')),
  'write, end': (req) => {
    req.write('ab')
    req.end('cd')
  },
  'bytes, with a length': (req) => {
    req.setHeader('Content-Length', 4)
    req.write(Buffer.from('ab'))
    req.end(Buffer.from('cd'))
  },
  'a pipe, with a length': (req) => {
    req.setHeader('Content-Length', 8)
    Readable.from([Buffer.from('abcd'), Buffer.from('efgh')]).pipe(req)
  },
  'flushHeaders, end': (req) => {
    req.flushHeaders()
    req.end()
  },
}

/** Once the request has its stream. */
const later = {
  'end with text': (req) => req.end('abcd'),
  'end without a body': (req) => req.end(),
  'write, end': (req) => {
    req.write('ab')
    req.end('cd')
  },
  'write, end in another turn': (req) => {
    req.write('ab')
    setImmediate(() => req.end())
  },
  'bytes, text, trailers': (req) => {
    req.setHeader('Trailer', 'a')
    req.write(Buffer.from('ab'))
    req.write('é')
    req.addTrailers({ a: 'b' })
    req.end()
  },
  'bytes, with a length': (req) => {
    req.setHeader('Content-Length', 4)
    req.write(Buffer.from('ab'))
    req.end(Buffer.from('cd'))
  },
  'flushHeaders, write, end': (req) => {
    req.flushHeaders()
    req.write('ab')
    req.end('cd')
  },
  'cork, uncork': (req) => {
    req.cork()
    req.write('ab')
    req.write('cd')
    req.uncork()
    setImmediate(() => req.end())
  },
}

for (const Kind of [Mock, MockSocket])
  for (const connecting of [false, true])
    for (const [when, scripts] of Object.entries({ 'at once': sends, later }))
      for (const [title, script] of Object.entries(scripts))
        on24(
          `${Kind.name}${connecting ? ', connecting' : ''}, ${when}: ${title}`,
          parity(async (http, log) => {
            const stream = new Kind(log)
            if (connecting) connectLater(stream)
            const req = http.request({ host: 'a', method: 'POST', createConnection: () => stream })
            req.on('error', () => {})
            const finished = once(req, 'finish')
            if (when === 'later') {
              await once(req, 'socket')
              if (connecting) await once(stream, 'connect')
              await new Promise(setImmediate)
              log('connected')
            }
            script(req)
            await finished
            for (let i = 0; i < 3; i++) await new Promise(setImmediate)
            req.destroy()
          }),
        )
