// `undici.request` on a Pool of as many connections as there are requests in flight; as the Pool's method, which spares it
// parsing a URL each time.
import { Pool } from 'undici'
import { AUTHORITY, origin } from '../http/certificates.mjs'
import { drive, fail, requestOptions } from './drive.mjs'

await drive((port, scenario) => {
  const pool = new Pool(`${origin(scenario)}:${port}`, {
    connections: scenario.connections,
    connect: { ca: AUTHORITY },
  })
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
