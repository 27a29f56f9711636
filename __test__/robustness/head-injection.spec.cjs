'use strict'
// The bytes of a head are the ones that were checked: no value that a program has received from a peer adds a line to it.
const test = require('ava')
const { once } = require('node:events')
const net = require('node:net')
const { createServer, request } = require('ferrohttp')
const { rawExchange } = require('../helpers/raw-client.cjs')

const BAD = 'a\r\ninjected: 1'

/** Good when it is checked, bad when it is asked for its text again. */
function fickle(good = 'good', bad = BAD) {
  let asked = 0
  return { toString: () => (asked++ === 0 ? good : bad) }
}

/** UTF-8 in latin1, whose characters end in the bytes of CR and LF. */
const WIDE = 'a\xc4\x8d\xc4\x8ainjected: 1\xc4\x8d\xc4\x8a'

const RESPONSES = {
  'a Content-Disposition in UTF-8, before bytes': (res) => {
    res.setHeader('Content-Disposition', WIDE)
    res.end(Buffer.from('body'))
  },
  'a Content-Disposition in UTF-8, in a list': (res) => {
    res.setHeader('Content-Disposition', [WIDE])
    res.end(Buffer.from('body'))
  },
  'a Content-Disposition in UTF-8, before text': (res) => {
    res.setHeader('Content-Disposition', WIDE)
    res.end('body')
  },
  'a Content-Disposition in UTF-8, head alone': (res) => {
    res.setHeader('Content-Length', 4)
    res.setHeader('Content-Disposition', WIDE)
    res.flushHeaders()
    res.end('body')
  },
  'an object set': (res) => res.setHeader('X', fickle()).end('body'),
  'an object given': (res) => res.writeHead(200, { X: fickle() }).end('body'),
  'an object in a list of given fields': (res) => res.writeHead(200, ['X', fickle()]).end('body'),
  'an object in a list': (res) => res.setHeader('X', ['a', fickle()]).end('body'),
  'a list that is changed after it was set': (res) => {
    const values = ['a']
    res.setHeader('Set-Cookie', values)
    values.push(BAD)
    res.end('body')
  },
  'a list of cookies that is joined': (res) => {
    const values = ['a', 'b']
    res.setHeader('Cookie', values)
    values[1] = BAD
    res.end('body')
  },
  'an appended object': (res) => res.appendHeader('X', fickle()).end('body'),
  'a status message': (res) => {
    res.statusMessage = fickle()
    res.end('body')
  },
  'an interim response': (res) => {
    res.writeInformation(103, { X: fickle() })
    res.end('body')
  },
  'early hints': (res) => {
    res.writeEarlyHints({ link: '</a>; rel=preload', X: fickle() })
    res.end('body')
  },
  trailers: (res) => {
    res.write('body')
    res.addTrailers({ X: fickle() })
    res.end()
  },
  'trailers in a list': (res) => {
    res.write('body')
    res.addTrailers({ X: ['a', fickle()] })
    res.end()
  },
}

for (const [what, answer] of Object.entries(RESPONSES)) {
  test(`a response: ${what}`, async (t) => {
    const server = createServer((req, res) => {
      try {
        answer(res)
      } catch (error) {
        t.is(error.code, 'ERR_INVALID_CHAR')
        res.destroy()
      }
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const wire = await rawExchange(server.address().port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    t.notRegex(wire, /[\r\n]injected/)
    server.close()
  })
}

test('a Content-Disposition is sent with its bytes', async (t) => {
  const server = createServer((req, res) => RESPONSES['a Content-Disposition in UTF-8, before bytes'](res))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const wire = await rawExchange(server.address().port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.true(wire.includes(`Content-Disposition: ${WIDE}\r\n`))
  server.close()
})

const REQUESTS = {
  'a path': () => ({ path: fickle('/') }),
  'a field': () => ({ headers: { X: fickle() } }),
  'a field in a list': () => ({ headers: ['Host', 'a', 'X', fickle()] }),
  'a list that is changed after it was set': () => {
    const values = ['a']
    return { headers: { X: values }, change: () => values.push(BAD) }
  },
  'a method that is changed': () => ({
    change: (asked) => {
      asked.method = `GET / HTTP/1.1\r\ninjected: 1\r\n\r\nGET`
    },
  }),
  'a path that is changed': () => ({
    change: (asked) => Object.defineProperty(asked, 'path', { value: `/ HTTP/1.1\r\ninjected: 1` }),
  }),
}

for (const [what, make] of Object.entries(REQUESTS)) {
  test(`a request: ${what}`, async (t) => {
    let wire = ''
    const server = net.createServer((socket) => {
      socket
        .on('error', () => {})
        .on('data', (part) => {
          wire += part.latin1Slice()
          if (wire.includes('\r\n\r\n')) socket.end('HTTP/1.1 204 No Content\r\n\r\n')
        })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { change, ...options } = make()
    try {
      const asked = request({ host: '127.0.0.1', port: server.address().port, ...options })
      asked.on('error', () => {})
      const closed = new Promise((resolve) => asked.on('close', resolve))
      try {
        change?.(asked)
        asked.end()
      } catch (error) {
        asked.destroy()
        throw error
      } finally {
        await closed
      }
    } catch (error) {
      t.true(
        ['ERR_INVALID_CHAR', 'ERR_INVALID_HTTP_TOKEN', 'ERR_UNESCAPED_CHARACTERS'].includes(error.code),
        error.code,
      )
    }
    t.notRegex(wire, /[\r\n]injected/)
    server.close()
  })
}
