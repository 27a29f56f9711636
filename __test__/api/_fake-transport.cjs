// An in-memory MessageTransport and MessageSource, which records the calls of a message and settles on request.
const { EventEmitter } = require('node:events')
const { attach } = require('../../build/outgoing.js')
const { ServerResponse } = require('../../build/response.js')
const { IncomingMessage, fillHead } = require('../../build/incoming.js')
const { CHUNKED, CLOSE, END, ACKNOWLEDGE, kDrain, kSettle } = require('../../build/internal/bridge/transport.js')

const FLAGS = [
  [CHUNKED, 'CHUNKED'],
  [END, 'END'],
  [CLOSE, 'CLOSE'],
  [ACKNOWLEDGE, 'ACKNOWLEDGE'],
]

function flagNames(flags) {
  return FLAGS.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .join(' ')
}

class FakeTransport {
  calls = []
  ended = []
  callbacks = []
  destroyed = false
  destroyedWith = null
  resumed = 0
  writableLength = 0
  writableHighWaterMark = 65536
  readableHighWaterMark = 65536
  #socket = null

  get socket() {
    return (this.#socket ??= new EventEmitter())
  }

  get socketMade() {
    return this.#socket !== null
  }

  #record(message, call, flags, callback) {
    this.calls.push(call)
    if (callback) this.callbacks.push(callback)
    if ((flags & END) !== 0) this.ended.push(message)
    return this.writableLength < this.writableHighWaterMark
  }

  sendHead(message, { head, body }, flags, callback) {
    return this.#record(message, ['head', head, text(body), flagNames(flags)], flags, callback)
  }

  sendBody(message, chunk, encoding, flags, callback) {
    return this.#record(message, ['body', text(chunk), flagNames(flags)], flags, callback)
  }

  sendFramed(message, data, _encoding, callback) {
    return this.#record(message, ['framed', text(data)], 0, callback)
  }

  sendEnd(message, trailers, flags) {
    return this.#record(message, ['end', trailers, flagNames(flags)], flags, null)
  }

  sendInterim(head, callback) {
    return this.#record(null, ['interim', head], 0, callback)
  }

  afterWrites(callback) {
    this.callbacks.push(callback)
  }

  resumeBody() {
    this.resumed++
  }

  destroy(error) {
    this.destroyed = true
    this.destroyedWith = error
  }

  // The report of an I/O thread: all bytes have been sent.
  settle(error) {
    this.writableLength = 0
    for (const callback of this.callbacks.splice(0)) callback(error ?? null)
    for (const message of this.ended.splice(0)) message[kSettle](error)
  }

  drained(message) {
    this.writableLength = 0
    message[kDrain]()
  }
}

function text(chunk) {
  return chunk === null || typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
}

function makeRequest(transport, { method = 'GET', minor = 1, fields = ['Host', 'a.test'], complete = true } = {}) {
  const request = new IncomingMessage(transport)
  const block = ['/path?q=1', ...fields].join('\n')
  const line = (1 | (minor << 8)) << 8
  const targetLength = '/path?q=1'.length
  fillHead(request, { flags: 0, line, targetLength, fieldCount: fields.length / 2, block, after: null }, method)
  request.complete = complete
  return request
}

function makeExchange(options = {}) {
  const transport = new FakeTransport()
  const req = makeRequest(transport, options)
  const res = new ServerResponse(req, options.responseOptions)
  res.sendDate = false
  if (options.attached !== false) attach(res, transport)
  return { transport, req, res }
}

module.exports = { FakeTransport, makeExchange, makeRequest, attach }
