/** The live page of a process: a listener for requests, and the server of FERROHTTP_INSPECT. */
import type crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

import { environment } from '../bridge/environment.js'
import type { IncomingMessage } from '../../incoming.js'
import type { ServerResponse } from '../../response.js'
import { ROOT } from '../../root.js'
import { createServer } from '../../server.js'
import { inspectAddress } from '../variables.js'
import { stats } from './stats.js'

let page: string | undefined

/** Answers requests for the page and its figures. */
export function answerInspection(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url!.split('?', 1)[0]!
  if (path.endsWith('/stats.json')) {
    const body = {
      pid: process.pid,
      node: process.versions.node,
      time: performance.now(),
      active: performance.eventLoopUtilization().active,
      times: environment.native.times(),
      stats: stats(),
    }
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    response.end(JSON.stringify(body))
    return
  }
  try {
    page ??= readFileSync(join(ROOT, 'dist/inspect.html'), 'utf8')
  } catch (error) {
    response.writeHead(500, { 'Content-Type': 'text/plain' })
    response.end(`The file of the page cannot be read: ${(error as NodeJS.ErrnoException).code}\n`)
    return
  }
  // Loading it takes longer than the rest of a program's start, so only the page does.
  const { randomBytes } = require('node:crypto') as typeof crypto
  const nonce = randomBytes(16).toString('base64')
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `default-src 'none'; connect-src 'self'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; frame-ancestors 'none'`,
    'Cache-Control': 'no-store',
  })
  response.end(page.replaceAll('NONCE', nonce))
}

let isInspecting = false

/** Serves the page at the address of FERROHTTP_INSPECT, once for a process. */
export function inspectFromEnvironment(): void {
  if (isInspecting) return
  isInspecting = true
  const address = inspectAddress()
  if (address === undefined || !isMainThread) return
  const server = createServer({ health: false }, (request, response) => {
    // A foreign site can have its own name resolve to this address. The browser then lets scripts of that site read the responses, and
    // names that site in `Host` (DNS rebinding).
    if (!isAddress(request.headers.host)) {
      response.writeHead(421)
      response.end()
      return
    }
    answerInspection(request, response)
  })
  server.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // Another process has the page. A forked one, such as a worker of a cluster, has the variable only because its parent has it.
    if (code === 'EADDRINUSE' && process.channel !== undefined) return
    process.emitWarning(`FERROHTTP_INSPECT: ${message}`)
  })
  server.listen({ ...address, exclusive: true })
  server.unref()
}

/** Whether a Host field is an address, with or without a port, or localhost. */
function isAddress(host: string | undefined): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host ?? '') ?? []
  return plain === 'localhost' || net.isIP(bracketed ?? plain ?? '') !== 0
}
