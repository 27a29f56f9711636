'use strict'
// A server that violates the protocol, and a client of it, for scripts that decide the order of their actions.
const net = require('node:net')
const { once } = require('node:events')
const { eachRequest, targetOf } = require('../helpers/raw-peers.cjs')

/** A proper answer: its body is the path that was asked for. */
const ok = (url) => `HTTP/1.1 200 OK\r\nContent-Length: ${url.length}\r\n\r\n${url}`

/**
 * A server of plain TCP.
 * - `next()` resolves to `{ socket, url }` when the next head has arrived, on whichever connection
 * - `onConnection`, if set, is called with each socket instead, before anything is read from it
 */
async function rawServer({ after, listen }) {
  const sockets = new Set()
  const arrived = []
  const wanted = []
  const control = { connections: 0, onConnection: null }
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    control.connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    if (control.onConnection !== null) return control.onConnection(socket)
    eachRequest(socket, (head) => {
      const url = targetOf(head)
      if (wanted.length > 0) wanted.shift()({ socket, url })
      else arrived.push({ socket, url })
    })
  })
  const port = await listen(server)
  after(() => {
    for (const socket of sockets) socket.destroy()
  })
  control.next = () =>
    arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((resolve) => wanted.push(resolve))
  return { control, port }
}

/**
 * A client with one connection at a time.
 * - `ask(url, options, body)` makes a request, and returns it with `over`: a promise of its outcome
 */
function client(http, port, agent) {
  return function ask(url, options = {}, body = undefined) {
    const request = http.request({ host: '127.0.0.1', port, agent, path: url, ...options })
    const outcome = { url, events: [] }
    for (const event of ['continue', 'information', 'response', 'upgrade', 'connect', 'close'])
      request.on(event, () => outcome.events.push(event))
    request.on('error', (error) => {
      outcome.events.push('error')
      outcome.error = [error.name, error.code, error.message]
    })
    const ends = [once(request, 'close')]
    ends[0].catch(() => {})
    for (const event of ['upgrade', 'connect'])
      request.on(event, (response, socket, head) => {
        outcome.switched = [response.statusCode, head.toString('latin1')]
        socket.destroy()
      })
    request.on('response', (response) => {
      outcome.status = [response.statusCode, response.statusMessage, response.rawHeaders]
      outcome.body = ''
      for (const event of ['aborted', 'end', 'close'])
        response.on(event, () => outcome.events.push(`response ${event}`))
      response.on('error', (error) => {
        outcome.events.push('response error')
        outcome.responseError = [error.name, error.code, error.message]
      })
      response.on('data', (data) => {
        outcome.body += data.toString('latin1')
      })
      ends.push(new Promise((resolve) => response.once('close', resolve)))
    })
    if (body !== undefined || options.manual !== true) request.end(body)
    const over = new Promise((resolve) => {
      request.once('close', () => {
        // Work that is due in this turn.
        Promise.all(ends.slice(1)).then(() =>
          setImmediate(() => {
            outcome.reused = request.reusedSocket
            resolve(outcome)
          }),
        )
      })
    })
    return { request, over }
  }
}

module.exports = { client, ok, rawServer }
