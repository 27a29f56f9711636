'use strict'
// One application in a process of its own: `_host.cjs ROAD APP [ARGUMENT…]`. Says where it listens, and on `stats` which
// roads its connections took.
//
// ROAD is how the application comes to its server: `own` is the framework's own way, which ends at node:http (or, under
// the register module, at what that has put there), `explicit` gives it ferrohttp.
const { createInterface } = require('node:readline')
const path = require('node:path')

const [road, name, ...rest] = process.argv.slice(2)
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const dist = path.resolve(__dirname, '../../dist/index.js')

/** Undefined in a process that never loaded ferrohttp. */
const stats = () => require.cache[dist]?.exports.stats().server ?? null

async function main() {
  const application = require(`./apps/${name}.cjs`)(...rest)
  const server = road === 'explicit' ? await application.explicit(require(dist)) : await application.own()
  createInterface({ input: process.stdin })
    .on('line', (line) => say(line === 'stats' ? stats() : null))
    // Whoever started this is gone.
    .on('close', () => process.exit())
  say({ port: server.address().port })
}

main()
