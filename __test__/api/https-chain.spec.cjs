'use strict'
// The certificates that a server sends.
const { execFile } = require('node:child_process')
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const test = require('ava')
const { certificates: c } = require('../helpers/pki.cjs')

test("Node's default certificates complete the chain of a certificate that comes alone", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ferrohttp-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const extra = path.join(folder, 'extra.pem')
  writeFileSync(extra, `${c.root}\n${c.inter}\n`)
  const script = (name) => `
    const tls = require('node:tls')
    const { certificates, keys } = require(${JSON.stringify(require.resolve('../helpers/pki.cjs'))})
    const server = require(${JSON.stringify(name)}).createServer({ cert: certificates.behind, key: keys.leaf })
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: certificates.root }, () => {
        let certificate = client.getPeerX509Certificate()
        while (certificate !== undefined) {
          console.log(certificate.subject)
          certificate = certificate.issuerCertificate
        }
        client.destroy()
        server.close()
      })
    })`
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: extra }
  const [ours, nodes] = await Promise.all(
    [require.resolve('ferrohttp/https'), 'node:https'].map((name) =>
      promisify(execFile)(process.execPath, ['-e', script(name)], { env }),
    ),
  )
  t.true(nodes.stdout.split('\n').length > 2)
  t.is(ours.stdout, nodes.stdout)
})
