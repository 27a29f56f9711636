'use strict'
// Requests over sockets of the program's own making: everything as with node:http.
const { exchange } = require('./_exchange.cjs')

for (const define of [require('./_client-events.cjs'), require('./_client-endings.cjs')])
  define((title, script) => exchange('compatible', title, script))
