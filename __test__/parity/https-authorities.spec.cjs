'use strict'
// Limits of authorities and of servers' certificates: which of them a client accepts, and its errors for the others, on both.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https', nativeOnly: true }

/** Logs how a request to a server with `cert` ends, for each of `cases`: [title, cert, options of the request]. */
async function judge(https, log, cases) {
  const { keys } = require('../helpers/pki.cjs')
  const { once } = require('node:events')
  for (const [title, cert, asked] of cases) {
    // Without this security level OpenSSL does not load certificates that are signed with SHA-1.
    const served = { key: keys.leaf, cert, ciphers: 'DEFAULT@SECLEVEL=0' }
    const server = require('node:https').createServer(served, (_req, res) => res.end())
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    const request = https.get({ port, host: 'localhost', family: 4, agent: false, ...asked })
    const closed = new Promise((resolve) => request.on('close', resolve))
    request.on('error', ({ code, message }) => log(title, code, message))
    request.on('response', (response) => {
      log(title, response.socket.authorized, response.socket.authorizationError)
      response.resume()
    })
    await closed
    server.close()
    await once(server, 'close')
  }
}

test(
  'trusted authorities',
  parity(async (https, log) => {
    const c = require('../helpers/pki-limits.cjs')
    const names = ['root', 'expired', 'noAuthority', 'pathLength', 'forClients', 'noSigning', 'rootSha1']
    await judge(
      https,
      log,
      names.flatMap((name) => [
        [`${name}, directly`, c.direct, { ca: c[name] }],
        [`${name}, behind another one`, `${c.behind}\n${c.inter}`, { ca: c[name] }],
        [`${name}, a common name`, c.commonName, { ca: c[name] }],
        [`${name}, accepted`, c.direct, { ca: c[name], rejectUnauthorized: false }],
      ]),
    )
    await judge(https, log, [
      ['names of others, directly', c.direct, { ca: c.otherNames }],
      ['names of others, behind', `${c.behind}\n${c.inter}`, { ca: c.otherNames }],
      ['the same names, directly', c.direct, { ca: c.sameNames }],
      ['the same names, behind', `${c.behind}\n${c.inter}`, { ca: c.sameNames }],
      ['one of two has expired', c.direct, { ca: [c.expired, c.root] }],
      ['one of two is for clients', c.direct, { ca: [c.root, c.forClients] }],
      ['the chain has a forged one', `${c.behind}\n${c.inter}\n${c.forged}`, { ca: c.root }],
    ])
  }, options),
)

test(
  'authorities between, and servers',
  parity(async (https, log) => {
    const c = require('../helpers/pki-limits.cjs')
    const between = ['inter', 'interNoAuthority', 'interNoSigning', 'interForClients', 'interWithoutConstraints']
    await judge(
      https,
      log,
      between.flatMap((name) => [
        [name, `${c.behind}\n${c[name]}`, { ca: c.root }],
        [`${name}, trusted`, c.behind, { ca: [c.root, c[name]] }],
        [`${name}, unknown`, `${c.behind}\n${c[name]}`, {}],
      ]),
    )
    const servers = ['noServer', 'sha1', 'authoritySha1']
    await judge(
      https,
      log,
      servers.flatMap((name) => [
        [name, c[name], { ca: c.root }],
        [`${name}, unknown`, c[name], {}],
        [`${name}, expired authority`, c[name], { ca: c.expired }],
        [`${name}, authority for clients`, c[name], { ca: c.forClients }],
      ]),
    )
    await judge(https, log, [
      ['version 1 by version 1', c.version1, { ca: c.version1Root }],
      ['version 1 by version 1, unknown', c.version1, {}],
      ['version 1 by version 3 without extensions', c.version1, { ca: c.withoutExtensions }],
    ])
    const own = ['ownForServers', 'ownForClients', 'ownNoServer']
    await judge(
      https,
      log,
      own.flatMap((name) => [
        [name, c[name], {}],
        [`${name}, trusted`, c[name], { ca: c[name] }],
      ]),
    )
  }, options),
)
