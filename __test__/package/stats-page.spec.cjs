'use strict'
// docs/STATS.md has the fields that stats() returns, and no others.
const fs = require('node:fs')
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { Agent, createServer, get, stats } = require('ferrohttp')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const page = fs.readFileSync(path.join(ROOT, 'docs/STATS.md'), 'utf8')

/** Objects whose keys are codes, reasons or names, which the page does not list. */
const MAPS = ['server.errors', 'client.errors', 'https.compatible', 'https.clients.compatible', 'agents.origins']

/** Whether the page has a row of its own for this object. */
const isDescribed = (name) => MAPS.includes(name) || /^times\.\w+$/.test(name)

/** The fields of a value, as the page names them. */
function fields(value, name) {
  const below = (inner, separator = '.') =>
    Object.keys(inner).flatMap((key) => fields(inner[key], name === '' ? key : `${name}${separator}${key}`))
  if (Array.isArray(value)) return fields(value[0], `${name}[]`)
  if (typeof value !== 'object' || value === null) return [name]
  if (!isDescribed(name)) return below(value)
  const entries = MAPS.includes(name) ? Object.values(value) : [value]
  const inner = `${name.startsWith('times.') ? 'times' : name}.*`
  return [
    name,
    ...entries
      .filter((entry) => typeof entry === 'object')
      .flatMap((entry) => Object.keys(entry).map((key) => `${inner}.${key}`)),
  ]
}

test('docs/STATS.md has each field with a unit, and no other', async (t) => {
  const agent = new Agent({ keepAlive: true })
  const server = createServer((_req, res) => res.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const [res] = await once(get({ port: server.address().port, host: '127.0.0.1', agent }), 'response')
  // The connection is an agent's while its response has not ended, so there are an origin and an I/O thread.
  const actual = new Set(fields(stats(), ''))
  res.resume()
  await once(res, 'end')
  agent.destroy()
  server.close()
  const rows = [...page.matchAll(/^\| (`.+?) \| (.+?) \| .+ \|$/gm)]
  const documented = rows.flatMap(([, names]) => [...names.matchAll(/`(.+?)`/g)].map(([, name]) => name))
  t.deepEqual([...documented].sort(), [...actual].sort())
  t.true(
    rows.every(([, , unit]) =>
      /^(–|requests|measurements|milliseconds|connections|bytes|errors|sockets|servers|handshakes)$/.test(unit),
    ),
  )
})
