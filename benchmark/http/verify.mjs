// Before a server is measured, its answer to the scenario's request is compared, because a fast wrong answer has no value.
import http from 'node:http'
import https from 'node:https'
import { AUTHORITY, origin } from './certificates.mjs'

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @throws when status, length or body differ from the scenario's answer
 */
export async function verify(server, scenario) {
  check(server, scenario, await ask(server.port, scenario))
}

/**
 * @param {{ name: string }} server
 * @param {{ method: string, path: string, answer: { bytes: number, body: string | null } }} asked
 * @param {{ status: number, body: Buffer }} got
 * @throws when status, length or body differ from the answer
 */
export function check(server, { method, path, answer }, { status, body }) {
  if (status === 200 && body.length === answer.bytes && body.toString() === answer.body) return
  throw new Error(
    `${server.name} answered ${method} ${path} with ${status} and ${body.length} bytes ` +
      `(${JSON.stringify(body.toString('latin1', 0, 80))}), expected 200 and ${answer.bytes} bytes`,
  )
}

/** @returns {Promise<{ status: number, body: Buffer }>} one answer over a connection of its own */
export function ask(port, { method, path, tls, bodyBytes = 0 }) {
  return new Promise((resolve, reject) => {
    const headers = bodyBytes > 0 ? { 'Content-Length': bodyBytes } : {}
    const options = { method, headers, agent: false, timeout: 10_000, ca: AUTHORITY }
    const { request } = tls === undefined ? http : https
    const req = request(`${origin({ tls })}:${port}${path}`, options, (res) => {
      const chunks = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('end', () => resolve({ status: res.statusCode, body: Buffer.concat(chunks) }))
      res.on('error', reject)
    })
    req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${path} within 10 s`)))
    req.on('error', reject)
    req.end(Buffer.alloc(bodyBytes, 'x'))
  })
}
