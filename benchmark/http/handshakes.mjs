// The load of handshakes: a connection for each request, made by peer-hyper/src/bin/handshakes.rs on its own core.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { AUTHORITY_FILE } from './certificates.mjs'
import { HANDSHAKES, RIVALS } from './implementations.mjs'
import { onOtherCore } from './pinning.mjs'

export const INSTALL = `the load of handshakes is not built: ${RIVALS}`

export const isThere = () => existsSync(HANDSHAKES)

/** As `load` of load.mjs. The sessions that are resumed begin before the window, and are not counted. */
export async function load(port, { handshake, connections, path, answer }, milliseconds, begin) {
  const values = [port, AUTHORITY_FILE, handshake, connections, milliseconds, path, answer.bytes]
  const [file, ...args] = onOtherCore([HANDSHAKES, ...values.map(String)])
  const child = spawn(file, args)
  const lines = []
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    if (line !== 'ready') return
    begin()
    child.stdin.end('begin\n')
  })
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (code !== 0) throw new Error(`the load of handshakes ended with ${code}: ${stderr}`)
  return JSON.parse(lines.at(-1))
}
