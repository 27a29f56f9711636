'use strict'
// Requests and responses that the program ends early, at each moment there is. Calls `exchange(title, script)` for each.

const HI = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
/** More would follow. */
const PART = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi'

const ENDS = {
  destroy: (request) => request.destroy(),
  'destroy with an error': (request) => request.destroy(new Error('enough')),
  abort: (request) => request.abort(),
}

module.exports = (exchange) => {
  for (const [name, stop] of Object.entries(ENDS)) {
    exchange(`${name} at once`, { answer: HI, manual: true, act: stop })
    exchange(`${name} at 'socket'`, { answer: HI, act: (request) => request.on('socket', () => stop(request)) })
    exchange(`${name} at the socket's 'connect'`, {
      answer: () => {},
      act: (request) => request.on('socket', (socket) => socket.on('connect', () => stop(request))),
    })
    exchange(`${name} at 'finish'`, { answer: () => {}, act: (request) => request.on('finish', () => stop(request)) })
    exchange(`${name} at 'finish', with an answer on its way`, {
      answer: HI,
      act: (request) => request.on('finish', () => stop(request)),
    })
    exchange(`${name} at 'response'`, { answer: PART, respond: (response, request) => stop(request) })
    exchange(`${name} at 'data'`, {
      answer: PART,
      respond: (response, request) => response.on('data', () => stop(request)),
    })
    exchange(`${name} at 'end'`, {
      answer: HI,
      respond: (response, request) => response.resume().on('end', () => stop(request)),
    })
    exchange(`${name} twice`, {
      answer: PART,
      respond: (response, request) => {
        stop(request)
        stop(request)
      },
    })
  }

  for (const start of ['', 'I', 'RTSP', 'x', 'HTTP/1.1 2', 'HTTP/1.1 200 OK\r\nA'])
    exchange(`a server that ends after ${JSON.stringify(start)}`, { answer: (socket) => socket.end(start) })

  exchange('destroy in the middle of what one read brought', {
    answer: HI,
    respond: (response, request) => request.destroy(),
  })
  exchange('the response is destroyed', { answer: PART, respond: (response) => response.destroy() })
  exchange('the response is destroyed with an error', {
    answer: PART,
    respond: (response) => response.destroy(new Error('enough')),
  })
  exchange("the response is destroyed at 'data'", {
    answer: PART,
    respond: (response) => response.on('data', () => response.destroy()),
  })
  exchange("the response is destroyed at 'end'", {
    answer: HI,
    respond: (response) => response.resume().on('end', () => response.destroy()),
  })
  exchange('the socket is destroyed', { answer: PART, respond: (response, request) => request.socket.destroy() })
  exchange('the socket is destroyed with an error', {
    answer: PART,
    respond: (response, request) => request.socket.destroy(new Error('enough')),
  })
  exchange('a write after destroy', {
    answer: PART,
    manual: true,
    options: { method: 'POST' },
    act: (request, log) => {
      request.destroy()
      request.write('a', (error) => log('write', error))
    },
  })
  exchange("timeout, and the program's destroy", {
    answer: () => {},
    // Long enough for the request to be out by then, on a busy machine, too.
    options: { timeout: 1500 },
    act: (request) => request.on('timeout', () => request.destroy()),
  })
  exchange("setTimeout, and the program's destroy", {
    answer: () => {},
    act: (request, log) =>
      request.on('finish', () =>
        request.setTimeout(20, () => {
          log('callback')
          request.destroy()
        }),
      ),
  })
  exchange("the response's setTimeout", {
    answer: PART,
    respond: (response, request) => response.resume().setTimeout(20, () => request.destroy()),
  })
  exchange('a signal', {
    answer: PART,
    manual: true,
    act: (request) => {
      const controller = new AbortController()
      require('node:stream').addAbortSignal(controller.signal, request)
      request.end()
      request.on('response', (response) => response.on('data', () => controller.abort()))
    },
  })
}
