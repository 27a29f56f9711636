'use strict'
// One list for request, response, socket and 'clientError' together, where the connection ends before the exchange does.
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n'
const LENGTH = `${HEAD}Content-Length: 10\r\n\r\n`
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`

/** Ways in which the peer ends, after the handler has received the request's bytes. */
const ends = {
  'its FIN': (client) => client.end(),
  'a reset': (client) => client.reset(),
  nothing: () => {},
}

function early(title, request, how, { reads, listens, nativeOnly = false }) {
  on24(
    `${title}, then ${how}, ${reads ? 'read' : 'not read'}, ${listens ? "with 'clientError'" : 'by default'}`,
    parity(
      async (http, log, { listen, connect, until }) => {
        const server = http.createServer((req, res) => {
          for (const event of ['aborted', 'end', 'error', 'close'])
            req.on(event, (error) => log('req', event, ...(error ? [error] : [])))
          for (const event of ['finish', 'close', 'error'])
            res.on(event, (error) => log('res', event, ...(error ? [error] : [])))
          for (const event of ['end', 'close'])
            req.socket.on(event, (bad) => log('socket', event, ...(bad ? [bad] : [])))
          let left = 2
          const done = () => --left === 0 && server.emit('over')
          req.on('close', done)
          req.socket.on('close', done)
          if (reads) req.on('data', (chunk) => log('data', String(chunk)))
          server.emit('handled')
        })
        if (listens)
          server.on('clientError', (error, socket) => {
            log('clientError', error.code, error.bytesParsed, socket.writable)
            if (socket.writable) socket.end('HTTP/1.1 418 I\r\nConnection: close\r\n\r\n')
            else socket.destroy(error)
          })
        const handled = until(server, 'handled')
        const over = until(server, 'over')
        const client = await connect(await listen(server))
        await client.write(request)
        await handled
        ends[how](client)
        await over
      },
      { nativeOnly },
    ),
  )
}

for (const reads of [true, false]) {
  for (const listens of [true, false]) {
    for (const how of ['its FIN', 'a reset']) {
      early('part of a body', `${LENGTH}abc`, how, { reads, listens })
      early('no body yet', LENGTH, how, { reads, listens })
      early('part of a chunked body', `${CHUNKED}3\r\nabc\r\n`, how, { reads, listens })
      early('a whole body', `${LENGTH}0123456789`, how, { reads, listens })
      early('no body at all', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', how, { reads, listens })
    }
    // No tick passes between a part and an error that one read of a stream brought: Node's parser behind a stream of
    // JavaScript's does the same.
    early('a bad chunk size', `${CHUNKED}3\r\nabc\r\nzz\r\n`, 'nothing', { reads, listens, nativeOnly: true })
    early('a transfer coding that is not chunked', `${HEAD}Transfer-Encoding: gzip\r\n\r\nabc`, 'nothing', {
      reads,
      listens,
    })
  }
}
