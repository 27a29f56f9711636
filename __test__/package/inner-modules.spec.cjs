'use strict'
// The modules that node:http is made of, under the register module, on every Node.js that is here.
const { spawnSync } = require('node:child_process')
const test = require('ava')
const { MAJOR, node } = require('../helpers/nodes.cjs')

const REGISTER = require.resolve('ferrohttp/register')
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)

const NAMES = {
  _http_agent: ['Agent', 'globalAgent'],
  _http_client: ['ClientRequest'],
  _http_incoming: ['IncomingMessage'],
  _http_outgoing: ['OutgoingMessage', 'validateHeaderName', 'validateHeaderValue'],
  _http_server: ['Server', 'ServerResponse', 'STATUS_CODES', '_connectionListener'],
}

/** Compares the members of `load(name)` with those of node:http and of ferrohttp. Returns the differences as JSON. */
const CHECK = `
  const wrong = []
  for (const [name, members] of Object.entries(${JSON.stringify(NAMES)})) {
    const inner = inners[name]
    for (const member of members) {
      if (inner[member] === undefined || inner[member] !== ours[member]) wrong.push([name, member])
    }
  }
  console.log(JSON.stringify(wrong))
`

for (const major of NODES) {
  const run = (...args) => {
    const { stdout, stderr, status } = spawnSync(node(major), ['--require', REGISTER, ...args], { encoding: 'utf8' })
    return { stdout, stderr, status }
  }

  test(`Node ${major}: required`, (t) => {
    const script = `
      const ours = require(${JSON.stringify(require.resolve('ferrohttp'))})
      process.noDeprecation = true
      const inners = Object.fromEntries(${JSON.stringify(Object.keys(NAMES))}.map((name) => [name, require(name)]))
      ${CHECK}
      const agent = new (require('node:http').Agent)()
      require('node:http').globalAgent = agent
      console.log(inners._http_agent.globalAgent === agent)
      inners._http_agent.globalAgent = ours.globalAgent
      const { HTTPParser, methods, _checkInvalidHeaderChar: check } = require('_http_common')
      console.log(typeof HTTPParser, methods.length > 30, check('a\\n'), check('a'))
    `
    t.deepEqual(run('-e', script), { stdout: '[]\ntrue\nfunction true true false\n', stderr: '', status: 0 })
  })

  test(`Node ${major}: imported`, (t) => {
    const imports = Object.keys(NAMES).map((name) => `import * as ${name} from '${name}'`)
    const script = `
      ${imports.join('\n')}
      import ours from ${JSON.stringify(require.resolve('ferrohttp'))}
      const inners = { ${Object.keys(NAMES).join(', ')} }
      ${CHECK}
    `
    t.like(run('--no-deprecation', '--input-type=module', '-e', script), { stdout: '[]\n', stderr: '', status: 0 })
  })

  test(`Node ${major}: there is no warning about a use that is not the program's`, (t) => {
    const script = "console.log(process.noDeprecation === undefined || 'set')"
    t.deepEqual(run('--throw-deprecation', '-e', script), { stdout: 'true\n', stderr: '', status: 0 })
  })
}
