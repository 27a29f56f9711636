'use strict'
// Entries of type 'http' for a PerformanceObserver, from servers and clients.
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

on24(
  'HttpRequest and HttpClient entries',
  parity(
    async (http, log) => {
      const { once } = require('node:events')
      const { PerformanceObserver } = require('node:perf_hooks')
      const { subscribe } = require('node:diagnostics_channel')
      subscribe('http.server.response.created', ({ request }) => log('created', request.url))
      const entries = []
      let enough
      const observer = new PerformanceObserver((list) => {
        entries.push(...list.getEntries())
        if (entries.length === 4) enough()
      })
      const four = new Promise((resolve) => {
        enough = resolve
      })
      observer.observe({ entryTypes: ['http'] })
      const server = http.createServer((req, res) => {
        res.writeHead(req.url === '/missing' ? 404 : 201, 'Said', { 'X-A': ['1', '2'] })
        req.on('end', () => res.end('body')).resume()
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address()
      for (const path of ['/there', '/missing']) {
        const req = http.request({
          port,
          host: '127.0.0.1',
          method: 'PUT',
          path,
          headers: { 'X-B': 'b' },
          agent: false,
        })
        req.end('asked')
        const [res] = await once(req, 'response')
        await once(res.resume(), 'end')
      }
      await four
      observer.disconnect()
      entries.sort((a, b) => (a.name + a.detail.req.url < b.name + b.detail.req.url ? -1 : 1))
      for (const { name, entryType, startTime, duration, detail } of entries) {
        log(name, entryType, startTime > 0, duration >= 0, detail.req.method, detail.req.url.replace(port, 'PORT'))
        log(detail.req.headers['x-b'], Object.keys(detail.req.headers).sort(), detail.res.statusCode)
        log(detail.res.statusMessage, detail.res.headers['x-a'], Object.keys(detail.res.headers).sort())
      }
      // The observer is disconnected.
      http.get({ port, host: '127.0.0.1', agent: false }, (res) => res.resume().on('end', () => server.close()))
      await once(server, 'close')
      log(entries.length)
    },
    { isolated: true },
  ),
)
