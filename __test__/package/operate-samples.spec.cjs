'use strict'
// The samples of docs/OPERATE.md run, up to the moment when their server listens.
const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const test = require('ava')

const ROOT = path.join(__dirname, '../..')
const page = fs.readFileSync(path.join(ROOT, 'docs/OPERATE.md'), 'utf8')
const samples = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, sample]) => sample)

/** Has the sample's server listen on any port, and asks it once. */
const PREAMBLE = `
const { Server } = require('net')
const { listen } = Server.prototype
Server.prototype.listen = function () {
  return listen.call(this, 0, '127.0.0.1', () => {
    require('http').get({ port: this.address().port }, (res) => {
      console.log(res.statusCode)
      process.exit()
    })
  })
}
`

test('there are samples', (t) => {
  t.true(samples.length >= 5)
})

for (const [index, sample] of samples.entries()) {
  test(`sample ${index + 1}`, (t) => {
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', PREAMBLE + sample], { cwd: ROOT, encoding: 'utf8' })
    t.is(stderr, '')
    t.is(stdout, '200\n')
  })
}
