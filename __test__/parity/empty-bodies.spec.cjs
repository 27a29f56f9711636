'use strict'
// The stream of a request that has nothing to read.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

/** Since this version an empty stream with a late listener for 'readable' emits that once, see COMPATIBILITY.md. */
const SINCE_NODE_24_22 = (() => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 22)
})()

for (const [kind, request] of [
  ['no body', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['an empty body', 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'],
  [
    'an empty chunked body',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
])
  for (const [how, read] of [
    ['resumed', (req) => req.resume()],
    ['read', (req) => req.read()],
    ['listened to', (req, log) => req.on('data', () => log('data'))],
    ['listened to by readable', (req, log) => req.on('readable', () => log('readable', req.read()))],
    [
      'iterated',
      (req, log) =>
        (async () => {
          for await (const chunk of req) log(chunk)
        })().then(() => log('iterated')),
    ],
    [
      'piped',
      (req, log) =>
        req
          .pipe(new (require('node:stream').PassThrough)())
          .resume()
          .on('end', () => log('piped')),
    ],
    ['left alone', () => {}],
  ])
    for (const late of [false, true]) {
      if (late && how === 'listened to by readable' && SINCE_NODE_24_22) continue
      test(
        `the events of a request with ${kind}, ${how} ${late ? 'later' : 'at once'}`,
        parity(async (http, log, { listen, raw }) => {
          const server = http.createServer((req, res) => {
            const look = (when) => {
              const { ended, endEmitted, length } = req._readableState
              log(when, ended, endEmitted, length, req.readable, req.complete, req.readableEnded)
            }
            req.on('end', () => look('end'))
            req.on('close', () => look('close'))
            look('handler')
            if (!late) read(req, log)
            setImmediate(() => {
              look('immediate')
              if (late) read(req, log)
              setImmediate(() => {
                look('after')
                res.end()
              })
            })
          })
          await raw(await listen(server), request)
        }),
      )
    }
