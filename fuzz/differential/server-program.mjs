// The program of a server: reads every request to its end, and answers it.

/** Limits that the heads of the grammar reach. */
const SMALL_LIMITS = { maxHeaderSize: 160, requireHostHeader: false }
const SMALL_HEADERS_COUNT = 4

/**
 * @param {typeof import('node:http')} http node's or ours
 * @param {{ profile: string, lenient: boolean }} options `plain` listens to requests only, `listeners` to all events, `limits` has small limits,
 *   `watched` listens to 'connection', after which a server of ours reads nothing before the listener has returned
 * @param {(socket: object) => import('./observation.mjs').Observation} find returns the observation of a request or a socket
 * @returns {import('node:http').Server}
 */
export function createProgram(http, { profile, lenient }, find) {
  const limits = profile === 'limits' ? SMALL_LIMITS : {}
  const server = http.createServer({ insecureHTTPParser: lenient, ...limits }, (req, res) => {
    serve(find(req), 'request', req, res)
  })
  if (profile === 'limits') server.maxHeadersCount = SMALL_HEADERS_COUNT
  if (profile === 'listeners') listen(server, find)
  if (profile === 'watched') server.on('connection', () => {})
  return server
}

function serve(observation, event, req, res) {
  const message = observation.message(event, [req.method, req.url, req.httpVersion], req)
  observation.follow(message, req, () => {
    res.sendDate = false
    res.end('ok')
  })
}

function listen(server, find) {
  server.on('checkContinue', (req, res) => {
    res.writeContinue()
    serve(find(req), 'checkContinue', req, res)
  })
  server.on('checkExpectation', (req, res) => {
    res.statusCode = 417
    serve(find(req), 'checkExpectation', req, res)
  })
  for (const event of ['upgrade', 'connect']) {
    server.on(event, (req, socket, head) => {
      const observation = find(req)
      const message = observation.message(event, [req.method, req.url, req.httpVersion], req)
      observation.followUpgraded(message, socket, head)
      socket.write(`HTTP/1.1 200 ${event}\r\n\r\n`)
    })
  }
  server.on('clientError', (error, socket) => {
    const observation = find(socket)
    observation.error(error)
    if (socket.writable) socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${error.code}`)
    else socket.destroy()
  })
}
