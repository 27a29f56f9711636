// `undici.request` on a Pool with one connection for each request in flight. It is called as a method of the Pool, which does not
// parse a URL for each request.
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
