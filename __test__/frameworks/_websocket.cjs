'use strict'
// WebSocket from the client's side, byte by byte (RFC 6455).
const { RawClient } = require('../helpers/raw-client.cjs')
const { request } = require('./_roads.cjs')

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

/** The headers of a handshake. The key is the example of RFC 6455 section 1.3. */
const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** A frame, by default masked with zeros, so that the payload is readable. */
function frame(kind, payload = '', { final = true, masked = true } = {}) {
  const data = Buffer.from(payload, 'latin1')
  const first = (final ? 0x80 : 0) | OPCODES[kind]
  const mask = masked ? 0x80 : 0
  const head =
    data.length < 126 ? [first, mask | data.length] : [first, mask | 126, data.length >> 8, data.length & 0xff]
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), data]).toString('latin1')
}

/** Everything that a server sends after a handshake and the bytes that follow it, until it closes the connection. */
async function conversation(port, path, headers, ...frames) {
  const client = await RawClient.connect(port)
  await client.write(request(`GET ${path}`, { ...HANDSHAKE, ...headers }) + frames.join(''))
  await client.closed
  return client.received
}

module.exports = { conversation, frame, HANDSHAKE }
