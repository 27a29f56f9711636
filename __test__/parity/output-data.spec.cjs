'use strict'
// `outputData`: the queue of a message before it has its connection, which programs read and edit.
const { once } = require('node:events')
const net = require('node:net')
const test = require('ava')
const { parity, whereNode24 } = require('../helpers/parity.cjs')

const only24 = { only24: true, isolated: true }

whereNode24(
  'the portions of a queued request',
  parity(async (http, log) => {
    const shown = (request) =>
      request.outputData.map(({ data, encoding }) => [typeof data, String(data), encoding ?? null])
    const make = (title, options, fill) => {
      const request = http.request({ host: '127.0.0.1', port: 1, setHost: false, ...options })
      request.on('error', () => {})
      fill(request)
      const total = request.outputData.reduce((sum, { data }) => sum + data.length, 0)
      log(title, request.outputSize === total, request.writableLength === total, ...shown(request).slice(0, 9))
      request.destroy()
    }
    const length = { method: 'POST', headers: { 'Content-Length': 6 } }
    make('GET', {}, (request) => request.end())
    make('GET, headers flushed', {}, (request) => request.flushHeaders())
    make('a string', { method: 'POST' }, (request) => request.end('body'))
    make('a string beyond ASCII', { method: 'POST' }, (request) => request.end('böse'))
    make('hex', { method: 'POST' }, (request) => request.end('626f6479', 'hex'))
    make('a Buffer', { method: 'POST' }, (request) => request.end(Buffer.from('body')))
    make('two writes', { method: 'POST' }, (request) => {
      request.write('one')
      request.write(Buffer.from('two'))
    })
    make('two writes with a length', length, (request) => {
      request.write('one')
      request.end('two')
    })
    make('a write and trailers', { method: 'POST' }, (request) => {
      request.write('one')
      request.addTrailers({ a: 'b' })
      request.end()
    })
    make('an end', { method: 'POST' }, (request) => request.end())
  }, only24),
)

/** Runs `edit(request)` on a request that has been queued whole or in part, and logs the bytes that the server receives. */
function edited(title, edit, skipped = '') {
  const script = new Function(
    'http',
    'log',
    'tools',
    `return (async () => {
      const edit = ${edit}
      const net = require('node:net')
      const { once } = require('node:events')
      const server = net.createServer()
      const port = await tools.listen(server)
      const fills = {
        GET: [{}, (request) => request.end()],
        'a string': [{ method: 'POST' }, (request) => request.end('body')],
        'a long string': [{ method: 'POST' }, (request) => request.end('body'.repeat(5000))],
        'beyond ASCII': [{ method: 'POST' }, (request) => request.end('böse')],
        'a Buffer': [{ method: 'POST' }, (request) => request.end(Buffer.from('body'))],
        'two writes': [{ method: 'POST' }, (request) => { request.write('one'); request.end('two') }],
        'a write, later the end': [{ method: 'POST' }, (request) => { request.write('one'); request.once('socket', () => setImmediate(() => request.end('two'))) }],
        'a write with a callback': [{ method: 'POST' }, (request) => { request.write('one', () => log('written')); request.end() }],
        'a large write': [{ method: 'POST' }, (request) => { request.write(Buffer.alloc(40000, 97)); request.end('two') }],
        trailers: [{ method: 'POST' }, (request) => { request.write('one'); request.addTrailers({ a: 'b' }); request.end() }],
      }
      for (const own of [false, true]) {
        for (const [kind, [options, fill]] of Object.entries(fills)) {
          if (kind === '${skipped}') continue
          class Editing extends http.Agent {
            addRequest(request, ...others) {
              setImmediate(() => { edit(request); super.addRequest(request, ...others) })
            }
          }
          const agent = new Editing()
          // A stream that a program has made is on the other road.
          if (own) agent.createConnection = (to) => net.connect(to.port, to.host)
          const accepted = once(server, 'connection')
          const request = http.request({ host: '127.0.0.1', port, setHost: false, agent, ...options }, (response) => response.resume())
          const closed = once(request, 'close')
          fill(request)
          const [socket] = await accepted
          let text = ''
          await new Promise((resolve) => {
            socket.setEncoding('latin1').on('data', (data) => {
              text += data
              const [head, ...rest] = text.split('\\r\\n\\r\\n')
              const body = rest.join('\\r\\n\\r\\n')
              const length = /content-length: (\\d+)/i.exec(head)
              const whole = /chunked/.test(head) ? text.endsWith('\\r\\n\\r\\n') && /(^|\\n)0\\r\\n/.test(body) : rest.length > 0 && body.length >= Number(length?.[1] ?? 0)
              if (whole) resolve()
            })
          })
          log(own, kind, text.length > 1000 ? [text.length, text.slice(0, 300)] : text)
          socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')
          await closed
        }
      }
    })()`,
  )
  whereNode24(title, parity(script, only24))
}

edited('a queue that nobody edits', () => {})

const makeAnew = (request) => {
  request.path = `http://origin.test${request.path}`
  request._header = null
  request._implicitHeader()
  const first = request.outputData[0].data
  request.outputData[0].data = request._header + first.substring(first.indexOf('\r\n\r\n') + 4)
}

edited('the head is made anew, as http-proxy-agent does', makeAnew, 'a write, later the end')

test('a head that is made anew while it is queued is sent once', async (t) => {
  const { request, Agent } = require('../../dist/index.js')
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  class Editing extends Agent {
    addRequest(...args) {
      setImmediate(() => {
        makeAnew(args[0])
        super.addRequest(...args)
      })
    }
  }
  const { port } = server.address()
  const posted = request({ host: '127.0.0.1', port, method: 'POST', path: '/w', setHost: false, agent: new Editing() })
  const closed = new Promise((resolve) => posted.on('error', () => {}).once('close', resolve))
  posted.write('one')
  posted.once('socket', () => setImmediate(() => posted.end('two')))
  const [socket] = await once(server, 'connection')
  let text = ''
  for await (const data of socket) {
    text += data
    if (text.endsWith('0\r\n\r\n')) break
  }
  server.close()
  await closed
  t.is(
    text,
    'POST http://origin.test/w HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n',
  )
})

edited('text within the head is replaced', (request) => {
  request.outputData[0].data = request.outputData[0].data.replace('HTTP/1.1\r\n', 'HTTP/1.1\r\nX-Added: é\r\n')
})

edited('the head as a Buffer', (request) => {
  request.outputData[0].data = Buffer.from(request.outputData[0].data)
})

edited('a head of the program in front', (request) => {
  const [, ...rest] = request.outputData
  const { data, encoding } = request.outputData[0]
  const end = data.indexOf('\r\n') + 2
  request.outputData = [
    { data: data.slice(0, end), encoding, callback: null },
    { ...request.outputData[0], data: data.slice(end) },
    ...rest,
  ]
})
