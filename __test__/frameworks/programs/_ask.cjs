'use strict'
const http = require('node:http')
const { once } = require('node:events')

/** Status, a field and body of the response to a GET. */
async function ask(module, url) {
  const request = module.get(url, { agent: false })
  const [response] = await once(request, 'response')
  let body = ''
  for await (const part of response.setEncoding('utf8')) body += part
  return [response.statusCode, response.headers['x-mocked'] ?? null, body]
}

/** Starts a server, prints what `run` returns for its URL as JSON, and ends. */
function serve(run) {
  const server = http.createServer((_request, response) => response.end('real'))
  server.listen(0, '127.0.0.1', async () => {
    console.log(JSON.stringify(await run(`http://127.0.0.1:${server.address().port}/`)))
    process.exit()
  })
}

module.exports = { ask, serve }
