'use strict'
// A body that is echoed to a peer that has closed: the connection ends, and its messages end, too.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const HANDLERS = {
  'piped back, then the peer goes': (req, res, peer) => {
    req.pipe(res)
    peer.destroy()
  },
  'piped back once the peer has gone': (req, res, peer) => {
    peer.destroy()
    req.pipe(res)
  },
  'piped back, the peer goes in an immediate': (req, res, peer) => {
    req.pipe(res)
    setImmediate(() => peer.destroy())
  },
  'dropped, the peer goes': (req, _res, peer) => {
    req.resume()
    peer.destroy()
  },
}

for (const [how, act] of Object.entries(HANDLERS))
  for (const size of [100_000, 8_000_000])
    test.serial(
      `a body of ${size} bytes is ${how}`,
      parity(async (http, log, { connect, listen }) => {
        let client
        const server = http.createServer((req, res) => {
          let left = 2
          for (const message of [req, res]) {
            message.on('error', () => {})
            message.on('close', () => --left === 0 && server.emit('over'))
          }
          act(req, res, client.socket)
        })
        const over = new Promise((resolve) => server.on('over', resolve))
        client = await connect(await listen(server))
        client.socket.on('error', () => {}).pause()
        client.socket.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
        client.socket.write(Buffer.alloc(size))
        await over
        // 'close' of the messages comes with that of the connection, which is counted until then.
        let count
        do {
          await new Promise(setImmediate)
          count = await new Promise((resolve) => server.getConnections((_error, open) => resolve(open)))
        } while (count > 0)
        log('closed', count)
      }),
    )
