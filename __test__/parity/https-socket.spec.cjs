'use strict'
// Methods of the sockets of both sides, and the arguments that they refuse.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const options = { module: 'https' }

test(
  'exportKeyingMaterial, setMaxSendFragment and renegotiate',
  parity(async (https, log, { listen, until }) => {
    const { cert, key } = require('../helpers/certificate.cjs')
    const attempt = (name, ...args) => {
      try {
        const result = args[0][name](...args.slice(1))
        log(name, ...args.slice(1), Buffer.isBuffer(result) ? result.length : result)
      } catch (error) {
        log(name, error.name, error.code, error.message)
      }
    }
    const examine = (socket) => {
      for (const args of [
        [20, 'a'],
        [20, 'a', Buffer.from('b')],
        [20, 'a', new Uint16Array(2)],
        [0, 'a'],
        [20],
        ['a', 'b'],
      ])
        attempt('exportKeyingMaterial', socket, ...args)
      for (const context of [5, 'text', null, {}]) attempt('exportKeyingMaterial', socket, 20, 'a', context)
      log(
        socket
          .exportKeyingMaterial(8, 'a', new Uint16Array([1, 2]))
          .equals(socket.exportKeyingMaterial(8, 'a', Buffer.from([1, 0, 2, 0]))),
      )
      for (const size of [511, 512, 1024, 16384, 16385, -1, 0]) attempt('setMaxSendFragment', socket, size)
      for (const size of ['x', undefined, 1.5]) attempt('setMaxSendFragment', socket, size)
      for (const args of [[], [null], [5], [{}, 5], [{}, null]]) attempt('renegotiate', socket, ...args)
    }
    const server = https.createServer({ cert, key, minVersion: 'TLSv1.3' }, (req, res) => {
      examine(req.socket)
      const returned = req.socket.renegotiate({}, (error) => {
        log(error.code, error.library, error.reason)
        res.end('answer')
      })
      log(returned)
    })
    const port = await listen(server)
    const request = https.get({ port, host: 'localhost', family: 4, ca: cert })
    const [response] = await until(request, 'response')
    examine(response.socket)
    const { socket } = response
    response.resume()
    await until(response, 'end')
    socket.destroy()
    log(socket.renegotiate({}, () => log('never')))
  }, options),
)

test(
  'the size of records',
  parity(
    async (https, log, { listen, until }) => {
      const net = require('node:net')
      const { cert, key } = require('../helpers/certificate.cjs')
      const server = https.createServer({ cert, key, maxVersion: 'TLSv1.2' }, (req, res) => {
        log(req.socket.setMaxSendFragment(1000))
        req.resume()
        req.on('end', () => res.end('x'.repeat(10_500)))
      })
      const port = await listen(server)
      // The largest record of each direction.
      const largest = [0, 0]
      const relay = net.createServer((near) => {
        const far = net.connect(port, '127.0.0.1')
        for (const [index, from, to] of [
          [0, near, far],
          [1, far, near],
        ]) {
          let left = Buffer.alloc(0)
          from.on('error', () => {})
          from.on('data', (bytes) => {
            left = Buffer.concat([left, bytes])
            while (left.length >= 5 && left.length >= 5 + left.readUInt16BE(3)) {
              const size = left.readUInt16BE(3)
              if (left[0] === 23) largest[index] = Math.max(largest[index], size)
              left = left.subarray(5 + size)
            }
            to.write(bytes)
          })
          from.on('close', () => to.destroy())
        }
      })
      const between = await listen(relay)
      const request = https.request({
        port: between,
        host: 'localhost',
        family: 4,
        ca: cert,
        method: 'POST',
        agent: false,
      })
      request.on('socket', (socket) => log(socket.setMaxSendFragment(600)))
      request.end('y'.repeat(5000))
      const [response] = await until(request, 'response')
      let bytes = 0
      for await (const chunk of response) bytes += chunk.length
      log(bytes, ...largest)
    },
    { ...options, nativeOnly: true },
  ),
)

test(
  'getPeerX509Certificate has the certificates that the peer has sent',
  parity(async (https, log, { listen, until }) => {
    const { certificates, keys } = require('../helpers/pki.cjs')
    const server = https.createServer({ cert: `${certificates.behind}\n${certificates.inter}`, key: keys.leaf })
    server.on('request', (_req, res) => res.end())
    const port = await listen(server)
    const request = https.get({ port, host: 'localhost', family: 4, rejectUnauthorized: false, agent: false })
    const [response] = await until(request, 'response')
    let certificate = response.socket.getPeerX509Certificate()
    while (certificate !== undefined) {
      log(certificate.subject, certificate.constructor.name)
      certificate = certificate.issuerCertificate
    }
    response.resume()
    await until(response, 'end')
  }, options),
)
