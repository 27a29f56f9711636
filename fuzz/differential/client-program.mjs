// The program of a client: sends one request, and reads its response to the end.

const SMALL_LIMITS = { maxHeaderSize: 400 }

/**
 * @param {typeof import('node:http')} http node's or ours
 * @param {import('./inputs.mjs').Input} input
 * @param {object} connection the options that make the connection
 * @param {import('./observation.mjs').Observation} observation
 * @returns {import('node:http').ClientRequest}
 */
export function ask(http, { asks, profile, lenient }, connection, observation) {
  const isUpgrade = asks === 'UPGRADE'
  const options = {
    method: isUpgrade ? 'GET' : asks,
    path: asks === 'CONNECT' ? 'a:80' : '/',
    headers: isUpgrade ? { Host: 'a', Connection: 'Upgrade', Upgrade: 'websocket' } : { Host: 'a' },
    insecureHTTPParser: lenient,
    ...(profile === 'single' ? SMALL_LIMITS : {}),
    ...connection,
  }
  const request = http.request(options)
  request.on('response', (res) => {
    observation.follow(observation.message('response', start(res), res), res)
  })
  request.on('information', (info) => {
    observation.message('information', start(info), info)
  })
  request.on('continue', () => {
    observation.message('continue', [], { rawHeaders: [] })
  })
  if (profile === 'listeners') {
    for (const event of ['upgrade', 'connect']) {
      request.on(event, (res, socket, head) => {
        const message = observation.message(event, start(res), res)
        observation.followUpgraded(message, socket, head)
      })
    }
  }
  request.on('error', (error) => observation.error(error))
  request.end(asks === 'POST' ? 'x' : undefined)
  return request
}

function start({ httpVersion, statusCode, statusMessage }) {
  return [httpVersion, String(statusCode), statusMessage]
}
