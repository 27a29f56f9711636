'use strict'
// Requests on native connections: everything as with node:http.
const { exchange } = require('./_exchange.cjs')

/** Differences in docs/COMPATIBILITY.md, "Details that few programs notice". */
const DIFFERENT = new Set([
  // Chunks that arrive together are one 'data' event.
  'a body in chunks, with trailers',
  // 'finish' waits for the I/O thread.
  'flushHeaders',
  'a response before the request has ended',
])

for (const define of [require('./_client-events.cjs'), require('./_client-endings.cjs')])
  define((title, script) => {
    if (!DIFFERENT.has(title)) exchange('native', title, script)
  })
