// One client under test: a fresh program on its core, a fresh server on the other one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { onMeasuredCore, onOtherCore } from './pinning.mjs'
import { ServerProcess } from './server-process.mjs'
import { ask } from './verify.mjs'

/** The time for starting, comparing, draining and ending, in addition to warm-up and window. */
const GRACE_MS = 30_000

/**
 * @param {import('./implementations.mjs').Implementation} implementation the one whose client is measured
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {import('./implementations.mjs').Implementation} peer the one whose server answers
 * @param {{ warmUpMs: number, windowMs: number }} times
 * @returns {Promise<import('./measure.mjs').Sample>}
 * @throws when an answer was wrong, a request failed, or connections were kept or closed against the scenario
 */
export async function measureClient(implementation, scenario, peer, times) {
  const how = { pin: onOtherCore, env: { COUNT_CONNECTIONS: '1' } }
  const server = new ServerProcess(peer, scenario, how)
  return await server.during(`${implementation.name}, ${scenario.name}`, async ({ port }) => {
    const { total, ...sample } = await run(implementation, scenario, port, times)
    await checkConnections(port, scenario, total)
    return sample
  })
}

async function run({ client, env }, { name }, port, { warmUpMs, windowMs }) {
  const [file, ...args] = onMeasuredCore([...client, String(port), name, String(warmUpMs), String(windowMs)])
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: warmUpMs + windowMs + GRACE_MS,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  if (code !== 0) throw new Error(`the client ended with ${signal ?? code}\n${stderr.slice(-4000)}`)
  return JSON.parse(stdout)
}

/** Checks the number of connections: a client that keeps those that it should close, or the reverse, would measure something else. */
async function checkConnections(port, { connections, close, tls }, requests) {
  const { body } = await ask(port, { method: 'GET', path: '/connections', tls })
  // Without the connection of this request.
  const opened = Number(body.toString()) - 1
  const right = close ? opened === requests : opened >= 1 && opened <= connections
  if (!right) throw new Error(`${opened} connections opened for ${requests} requests, ${connections} at a time`)
}
