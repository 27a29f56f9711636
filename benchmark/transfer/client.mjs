// The other end of large-transfer.mjs, a process of its own so that its memory and time are not the server's.
// Argument: a case as JSON. Prints {"ok":true} or {"ok":false,"reason":…}; It uses node:http of the running Node.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { blocks, sha256 } from './content.mjs'

/**
 * @type {{ port: number, direction: 'upload' | 'download', bytes: number, times?: number, chunked?: boolean, rate?: number,
 *   stallMs?: number }}
 */
const transfer = JSON.parse(process.argv[2])

async function upload({ port, bytes, chunked, rate }) {
  const path = rate ? `/upload?rate=${rate}` : '/upload'
  const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': bytes }
  const req = request({ host: '127.0.0.1', port, method: 'POST', path, headers, agent: false })
  const answered = once(req, 'response')
  await pipeline(Readable.from(blocks(bytes), { objectMode: false }), req)
  const [res] = await answered
  const body = await text(res)
  if (res.statusCode !== 200) return `status ${res.statusCode}: ${body}`
  const arrived = JSON.parse(body)
  if (arrived.bytes !== bytes) return `${arrived.bytes} bytes arrived`
  return arrived.sha256 === sha256(bytes) ? null : 'the SHA-256 of what arrived differs'
}

async function download({ port, bytes, stallMs }) {
  const req = request({ host: '127.0.0.1', port, path: `/download?bytes=${bytes}`, agent: false })
  req.end()
  const [res] = await once(req, 'response')
  if (res.statusCode !== 200) return `status ${res.statusCode}: ${await text(res)}`
  const hash = createHash('sha256')
  let received = 0
  let stalled = !stallMs
  for await (const chunk of res) {
    hash.update(chunk)
    received += chunk.length
    if (!stalled && received >= bytes / 2) {
      stalled = true
      await sleep(stallMs)
    }
  }
  if (received !== bytes) return `${received} bytes received`
  const digest = hash.digest('hex')
  if (digest !== sha256(bytes)) return 'the SHA-256 of what was received differs'
  return res.trailers['x-content-sha256'] === digest ? null : 'the SHA-256 in the trailer differs'
}

async function transferAll() {
  const one = transfer.direction === 'upload' ? upload : download
  for (let time = 0; time < (transfer.times ?? 1); time += 1) {
    const reason = await one(transfer)
    if (reason !== null) return reason
  }
  return null
}

const reason = await transferAll().catch((error) => error.message)
console.log(JSON.stringify({ ok: reason === null, reason }))
