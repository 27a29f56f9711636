'use strict'
const test = require('ava')
const http = require('node:http')
const { execFileSync } = require('node:child_process')

test('require returns a plain object that can be changed', (t) => {
  const ferrohttp = require('ferrohttp')
  const original = ferrohttp.createServer
  const patch = () => {}
  t.teardown(() => {
    ferrohttp.createServer = original
  })
  ferrohttp.createServer = patch
  t.is(require('ferrohttp').createServer, patch)
})

test('import has the same members by name and as default', async (t) => {
  const required = require('ferrohttp')
  const imported = await import('ferrohttp')
  t.is(imported.default, required)
  for (const name of Object.keys(required)) t.is(imported[name], required[name], name)
})

test('ferrohttp/https has the members of node:https', async (t) => {
  const ours = require('ferrohttp/https')
  const node = require('node:https')
  t.deepEqual(Object.keys(ours).sort(), Object.keys(node).sort())
  for (const name of Object.keys(node)) t.is(typeof ours[name], typeof node[name], name)
  const imported = await import('ferrohttp/https')
  t.is(imported.default, ours)
  for (const name of Object.keys(ours)) t.is(imported[name], ours[name], name)
})

test('every name is one of node:http or of our own', (t) => {
  // The second is in node:http from Node 24 on, the third was until Node 0.12.
  const own = new Set(['stats', 'setGlobalProxyFromEnv', 'createClient'])
  const strangers = Object.keys(require('ferrohttp')).filter((name) => !(name in http) && !own.has(name))
  t.deepEqual(strangers, [])
})

test('nothing but the entries can be reached', (t) => {
  t.throws(() => require('ferrohttp/dist/server.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
  t.is(require('ferrohttp/package.json').name, 'ferrohttp')
})

for (const flag of ['--require', '--import']) {
  test(`${flag} ferrohttp/register puts server and client into the builtin module`, (t) => {
    const program = `
      const ferrohttp = require('ferrohttp')
      import('node:http').then(({ createServer }) => {
        const same = (name) => require('http')[name] === ferrohttp[name]
        const names = ['createServer', 'Server', 'ServerResponse', 'request', 'get', 'Agent', 'ClientRequest', 'globalAgent']
        console.log(createServer === ferrohttp.createServer, ...names.map(same))
        const agent = new ferrohttp.Agent()
        require('http').globalAgent = agent
        console.log(ferrohttp.globalAgent === agent)
      })`
    const output = execFileSync(process.execPath, [flag, 'ferrohttp/register', '--eval', program], { encoding: 'utf8' })
    t.is(output, `${'true '.repeat(8)}true\ntrue\n`)
  })
}
