// `undici.request` on a Pool of as many connections as there are requests in flight; as the Pool's method, which spares it
// parsing a URL each time.
import { Pool } from 'undici'
import { drive, fail, requestOptions } from './drive.mjs'

await drive((port, scenario) => {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: scenario.connections })
  const { options, body: sent } = requestOptions(scenario)
  Object.assign(options, { body: sent, reset: scenario.close ?? false })

  function ask(done, kept) {
    pool.request(options).then(({ statusCode, body }) => {
      let bytes = 0
      body.on('data', (chunk) => {
        bytes += chunk.length
        kept?.push(chunk)
      })
      body.on('end', () => done(statusCode, bytes))
      body.on('error', fail)
    }, fail)
  }

  return { ask, close: () => pool.close() }
})
