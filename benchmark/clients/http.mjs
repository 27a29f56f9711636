// The one client that Node, Bun and ferrohttp run unchanged. HTTP_MODULE names the module with its `request`, as in servers/app.js;
// FERROHTTP_FOLDER names the checkout of ferrohttp where it is another than this one.
import { createRequire } from 'node:module'
import { AUTHORITY } from '../http/certificates.mjs'
import { drive, fail, requestOptions } from './drive.mjs'

const require = createRequire(import.meta.url)
const isOurs = process.env.HTTP_MODULE === 'ferrohttp'
const FOLDER = process.env.FERROHTTP_FOLDER ?? '../..'
const PLAIN = isOurs ? FOLDER : 'node:http'
const SECURE = isOurs ? `${FOLDER}/dist/https.js` : 'node:https'

await drive((port, scenario) => {
  const { Agent, request } = require(scenario.tls === undefined ? PLAIN : SECURE)
  // With a limit on its sockets, an agent without keep-alive also keeps connections, for requests that wait.
  const pool = scenario.close ? { keepAlive: false } : { keepAlive: true, maxSockets: scenario.connections }
  const agent = new Agent(scenario.tls === undefined ? pool : { ...pool, ca: AUTHORITY })
  const { options, body } = requestOptions(scenario)
  Object.assign(options, { host: '127.0.0.1', port, agent })

  function ask(done, kept) {
    const req = request(options, (res) => {
      let bytes = 0
      res.on('data', (chunk) => {
        bytes += chunk.length
        kept?.push(chunk)
      })
      res.on('end', () => done(res.statusCode, bytes))
      res.on('error', fail)
    })
    req.on('error', fail)
    req.end(body)
  }

  return { ask, close: () => agent.destroy(), check: isOurs ? onNativeRoad : undefined }
})

/** Checks that I/O threads have served all connections, because ferrohttp uses JavaScript where a program needs that. */
function onNativeRoad() {
  const { native, compatible } = require(PLAIN).stats().client
  if (native === 0 || compatible !== 0) throw new Error(`${native} native connections, ${compatible} compatible ones`)
}
