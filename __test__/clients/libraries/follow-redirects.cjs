'use strict'
const { once } = require('node:events')
const { pipeline } = require('node:stream/promises')
const { createGunzip } = require('node:zlib')

module.exports = async (load) => {
  const { http } = (await load('follow-redirects')).default
  const agent = new http.Agent({ keepAlive: true })
  const ask = async (url, options, body) => {
    const request = http.request(url, { agent, ...options })
    const answered = once(request, 'response')
    if (body === undefined || typeof body === 'string') request.end(body)
    else body.pipe(request)
    const [response] = await answered
    return { request, response }
  }
  const result = async ({ response }) => {
    const { statusCode, statusMessage, rawHeaders, responseUrl, redirects } = response
    const plain = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
    let text = ''
    for await (const chunk of plain.setEncoding('utf8')) text += chunk
    return { statusCode, statusMessage, rawHeaders, responseUrl, redirects, text }
  }
  return {
    get: async (url, headers) => result(await ask(url, { headers })),
    post: async (url, value) => result(await ask(url, { method: 'POST' }, JSON.stringify(value))),
    upload: async (url, stream) => result(await ask(url, { method: 'POST' }, stream)),
    download: async (url, writable) => pipeline((await ask(url)).response, writable),
    async abort(url, answered, untilReceived) {
      if (!answered) {
        const request = http.get(url, { agent })
        untilReceived().then(() => request.abort())
        // It reports no error then.
        await once(request, 'abort')
        return 'aborted'
      }
      const { request, response } = await ask(url)
      response.once('data', () => request.abort())
      await response.toArray()
    },
    async timeout(url) {
      const request = http.get(url, { agent })
      request.setTimeout(100, () => request.destroy(new Error('too slow')))
      await once(request, 'response')
    },
    end: () => agent.destroy(),
  }
}
