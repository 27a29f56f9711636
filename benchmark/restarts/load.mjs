// Clients that count failed requests.
import http from 'node:http'
import { setImmediate } from 'node:timers/promises'

const BODY = Buffer.alloc(1024)

/** `clients` at a time send requests to the proxy at `port` until `stop` is called, which returns the outcomes. */
export function load(port, clients) {
  const tally = { sent: 0, failed: 0, reasons: new Map() }
  let stopping = false
  const all = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let i = client; !stopping; i++) {
        tally.sent += 1
        const reason = await ask(port, i % 2 === 0 ? 'GET' : 'POST')
        if (reason === null) continue
        tally.failed += 1
        tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1)
        await setImmediate()
      }
    }),
  )
  return {
    tally,
    async stop() {
      stopping = true
      await all
      return tally
    },
  }
}

/** Null, or the failure. Each request has a connection of its own, so no failure is one of a kept connection to the proxy. */
function ask(port, method) {
  return new Promise((resolve) => {
    const body = method === 'POST' ? BODY : null
    const request = http.request({ port, host: '127.0.0.1', method, agent: false, timeout: 20_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      response.on('error', (error) => resolve(`${method}: ${error.code}`))
      response.on('end', () => {
        const isRight = response.statusCode === 200 && text === `${method} ${body?.length ?? 0}`
        resolve(isRight ? null : `${method}: ${response.statusCode}`)
      })
    })
    request.on('timeout', () => request.destroy(Object.assign(new Error(), { code: 'timeout' })))
    request.on('error', (error) => resolve(`${method}: ${error.code}`))
    request.end(body)
  })
}
