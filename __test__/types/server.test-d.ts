// Checked by tsc, never run: programs typed against node:http must compile against ferrohttp.
import type net from 'node:net'
import * as ferrohttp from '../../js/index.js'

const server = ferrohttp.createServer({ keepAliveTimeout: 1000, maxHeaderSize: 8192 }, (request, response) => {
  const method: string | undefined = request.method
  response.setHeader('X-Method', method ?? '').setHeader('Vary', ['a', 'b'])
  response.writeHead(200, { 'Content-Length': 2 }).end('ok', () => server.unref())
  // @ts-expect-error a status is a number
  response.writeHead('200')
})

const listening: net.Server = server.listen({ port: 0, host: '127.0.0.1' }, () => server.close())
listening.on('listening', () => server.closeAllConnections())
server.on('clientError', (error: Error, socket) => socket.end(error.message))

// @ts-expect-error no such option
ferrohttp.createServer({ keepAliveTimeouts: 1 })

const methods: readonly string[] = ferrohttp.METHODS
const reason: string | undefined = ferrohttp.STATUS_CODES[404]
const { native, open } = ferrohttp.stats().server
export const counts: number[] = [native, open, methods.length, reason?.length ?? 0]
