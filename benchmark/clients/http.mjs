// The one client that Node, Bun and ferrohttp run unchanged. HTTP_MODULE says whose `request` it is, as in servers/app.js.
import { createRequire } from 'node:module'
import { drive, fail, requestOptions } from './drive.mjs'

const name = process.env.HTTP_MODULE ?? 'node:http'
const { Agent, request, stats } = createRequire(import.meta.url)(name === 'ferrohttp' ? '../..' : name)

await drive((port, scenario) => {
  // With a limit on its sockets even an agent that keeps none asks for keep-alive, for the requests that wait.
  const agent = new Agent(scenario.close ? { keepAlive: false } : { keepAlive: true, maxSockets: scenario.connections })
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

  return { ask, close: () => agent.destroy(), check: name === 'ferrohttp' ? onNativeRoad : undefined }
})

/** ferrohttp falls back to JavaScript where a program needs it; these figures are of its I/O threads. */
function onNativeRoad() {
  const { native, compatible } = stats().client
  if (native === 0 || compatible !== 0) throw new Error(`${native} native connections, ${compatible} compatible ones`)
}
