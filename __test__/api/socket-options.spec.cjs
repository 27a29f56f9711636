'use strict'
// A socket option that a program sets again, as agents do after each request, costs neither a command nor a wake-up.
const { once } = require('node:events')
const net = require('node:net')
const test = require('ava')
const ferrohttp = require('../..')
const { listen } = require('../helpers/listen.cjs')

/** The commands that the socket's connection receives while `act` runs, as the numbers of their arguments. */
function commandsDuring(socket, act) {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'ferrohttp.connection')
  const connection = socket[key]
  const commands = []
  connection.command = (_type, ...args) => commands.push(args)
  act()
  delete connection.command
  return commands
}

test('the same value is sent once', async (t) => {
  const server = ferrohttp.createServer()
  const accepted = once(server, 'connection')
  const peer = net.connect(await listen(t, server), '127.0.0.1')
  t.teardown(() => peer.destroy())
  const [socket] = await accepted
  t.deepEqual(
    commandsDuring(socket, () => {
      socket.setNoDelay().setNoDelay(true).setNoDelay(false).setNoDelay(false).setNoDelay()
    }),
    [[1], [0], [1]],
  )
  t.deepEqual(
    commandsDuring(socket, () => {
      socket.setKeepAlive(true, 1000).setKeepAlive(true, 1000).setKeepAlive(true, 2000)
      socket.setKeepAlive(false).setKeepAlive(false, 3000).setKeepAlive(true, 2000)
    }),
    [
      [1, 1000],
      [1, 2000],
      [0, 0],
      [1, 2000],
    ],
  )
})
