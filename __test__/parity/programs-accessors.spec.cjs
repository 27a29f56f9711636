'use strict'
// Programs define accessors and methods of their own on messages, to observe what arrives. They are called as by Node.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

test(
  'accessors on a request and on a response',
  parity(async (http, log, tools) => {
    const { once } = require('node:events')
    const watch = (message, side, names) => {
      for (const name of names) {
        let value = name === 'rawTrailers' ? undefined : message[name]
        Object.defineProperty(message, name, {
          configurable: true,
          get: () => value,
          set(next) {
            log(side, name, next)
            value = next
          },
        })
      }
    }
    const names = ['rawTrailers', 'complete', 'aborted', 'rawHeaders', 'url', 'statusCode', 'upgrade', 'method']
    const server = http.createServer((request, response) => {
      watch(request, 'server', names)
      log('before', request.rawTrailers)
      request.resume().on('end', () => {
        log('server', request.rawTrailers, request.trailersDistinct)
        response.setHeader('Trailer', 'X-T')
        response.write('x')
        response.addTrailers({ 'X-T': '1' })
        response.end()
      })
    })
    const port = await tools.listen(server)
    const request = http.request({ host: '127.0.0.1', port, method: 'POST', agent: false })
    request.write('abc')
    request.addTrailers({ 'test-Trailer': 'hello' })
    request.end()
    request.once('response', (response) => watch(response, 'client', names))
    const [response] = await once(request, 'response')
    response.resume()
    await once(response, 'end')
    log('client', response.rawTrailers, response.trailers)
  }),
)

test(
  'methods on a message and in a class',
  parity(async (http, log, tools) => {
    const { once } = require('node:events')
    class Counting extends http.IncomingMessage {
      _addHeaderLines(headers, n) {
        log('lines', n, this.complete)
        super._addHeaderLines(headers, n)
      }
      _addHeaderLine(field, value, target) {
        if (field !== 'Host') log('line', field, value)
        super._addHeaderLine(field, value, target)
      }
    }
    const server = http.createServer({ IncomingMessage: Counting }, (request, response) => {
      log(request.headers['x-a'], request.headers['x-b'])
      request._addHeaderLine = (field, value, target) => {
        log('own line', field, value)
        target[field.toUpperCase()] = value
      }
      request.resume().on('end', () => {
        log(request.trailers)
        response.end()
      })
    })
    const port = await tools.listen(server)
    const headers = { 'X-A': '1', 'X-B': '2' }
    const request = http.request({ host: '127.0.0.1', port, method: 'POST', agent: false, headers })
    request.write('abc')
    request.addTrailers({ 'X-T': 'hello' })
    request.end()
    const [response] = await once(request, 'response')
    response.resume()
    await once(response, 'end')
  }),
)
