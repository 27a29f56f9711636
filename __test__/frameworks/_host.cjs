'use strict'
// One application in a process of its own: `_host.cjs WAY APP [ARGUMENT…]`. Prints where it listens, and on `stats` which
// roads its connections took.
//
// WAY is how the application comes to its server: `own` is what its framework does by itself, which ends at node:http;
// anything else is the module whose `createServer` it is given, `node:http` or `ferrohttp`.
const { createInterface } = require('node:readline')
const path = require('node:path')

const [way, name, ...rest] = process.argv.slice(2)
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const dist = path.resolve(__dirname, '../../dist/index.js')

/** Undefined in a process that never loaded ferrohttp. */
const stats = () => require.cache[dist]?.exports.stats().server ?? null

async function main() {
  const application = require(`./apps/${name}.cjs`)(...rest)
  const server =
    way === 'own' ? await application.own() : await application.explicit(require(way === 'ferrohttp' ? dist : way))
  createInterface({ input: process.stdin })
    .on('line', (line) => print(line === 'stats' ? stats() : null))
    // The process that has started this one has ended.
    .on('close', () => process.exit())
  print({ port: server.address().port })
}

main()
