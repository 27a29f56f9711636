'use strict'
// One request to a server that answers with bytes: the events of the client's request, response and agent, in order.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const { eachRequest } = require('../helpers/raw-peers.cjs')
const on24 = require('./_on24.cjs')

const REQUEST_EVENTS = [
  'abort',
  'close',
  'connect',
  'continue',
  'drain',
  'error',
  'finish',
  'information',
  'prefinish',
  'response',
  'socket',
  'timeout',
  'upgrade',
]
const RESPONSE_EVENTS = ['aborted', 'close', 'data', 'end', 'error', 'pause', 'readable', 'resume', 'timeout']

/** Logs an emitter's events without listening to them; `state` is logged with each. */
function watch(emitter, events, label, log, state) {
  const { emit } = emitter
  emitter.emit = function (event, ...args) {
    if (events.includes(event)) log(label, event, ...args.filter(isPlain), state())
    return emit.call(this, event, ...args)
  }
}

function isPlain(value) {
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Uint8Array) return true
  return Object.getPrototypeOf(value) === Object.prototype
}

/**
 * A server of plain TCP. `answer(socket, request, number)` is called once a connection has sent an empty line, and for
 * each further one; a string is written.
 */
async function rawServer({ listen, after }, answer) {
  const sockets = new Set()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    let number = 0
    eachRequest(socket, (request) => {
      if (typeof answer === 'string') socket.write(answer)
      else answer(socket, request, ++number)
    })
  })
  const port = await listen(server)
  after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return port
}

/**
 * A parity test of one request.
 *
 * @param {'native' | 'compatible'} road the road of the request on ferrohttp; compatible: a socket that the agent makes itself
 * @param {string} title
 * @param {object} script
 * @param {string | Function} script.answer see `rawServer`
 * @param {object} [script.options] of the request; `agent` is one that keeps connections, unless it is given
 * @param {Buffer | string} [script.body] given to `end()`, which is called unless `act` does that: `manual`
 * @param {boolean} [script.manual]
 * @param {Function} [script.act] `(request, log)`, right after the request has been made
 * @param {Function} [script.respond] `(response, request, log)`: what 'response' does; it resumes otherwise
 */
function exchange(road, title, { answer, options = {}, body, manual = false, act, respond }) {
  on24(
    title,
    parity(
      async (http, log, tools) => {
        const port = await rawServer(tools, answer)
        const agent = 'agent' in options ? options.agent : new http.Agent({ keepAlive: true })
        if (agent) tools.after(() => agent.destroy())
        const connecting = { host: '127.0.0.1', port, ...options, agent }
        if (road === 'compatible') (agent ?? connecting).createConnection = (given) => net.createConnection(given)
        const request = http.request(connecting)
        const closed = [new Promise((resolve) => request.once('close', resolve))]
        const state = () => ({
          destroyed: request.destroyed,
          aborted: request.aborted,
          closed: request.closed,
          sent: request.writableFinished,
          answered: request.res !== null,
          reused: request.reusedSocket,
        })
        request.on('error', () => {})
        watch(request, REQUEST_EVENTS, 'request', log, state)
        request.on('response', (response) => {
          closed.push(new Promise((resolve) => response.once('close', resolve)))
          response.on('error', () => {})
          watch(response, RESPONSE_EVENTS, 'response', log, () => ({
            destroyed: response.destroyed,
            aborted: response.aborted,
            complete: response.complete,
            ended: response.readableEnded,
            detached: response.socket === null,
          }))
          const { statusCode, statusMessage, httpVersion, rawHeaders } = response
          log('head', statusCode, statusMessage, httpVersion, rawHeaders)
          response.on('end', () => log('trailers', response.rawTrailers, response.trailers))
          if (respond) respond(response, request, log)
          else response.resume()
        })
        request.on('socket', (socket) => closed.push(new Promise((resolve) => untilIdle(socket, resolve))))
        act?.(request, log)
        if (!manual) request.end(body)
        for (let i = 0; i < closed.length; i++) await closed[i]
        // A connection that has been given up counts until it is closed.
        const busy = () => agent && Object.keys(agent.sockets).length > 0
        for (let turns = 0; turns === 0 || (turns < 100 && busy()); turns++) await new Promise(setImmediate)
        log('finally', state(), request.errored)
        if (agent) {
          const names = (pool) => Object.values(pool).map((list) => list.length)
          log('agent', names(agent.sockets), names(agent.freeSockets), names(agent.requests), agent.totalSocketCount)
        }
      },
      { nativeOnly: true },
    ),
  )
}

/** The request no longer has the socket: it is closed, back in the agent, or the program's. */
function untilIdle(socket, resolve) {
  socket.once('close', resolve)
  socket.once('free', resolve)
  socket.once('agentRemove', resolve)
}

module.exports = { exchange, isPlain, rawServer, watch }
