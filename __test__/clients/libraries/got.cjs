'use strict'
const http = require('node:http')
const { pipeline } = require('node:stream/promises')

module.exports = async (load) => {
  const { default: got } = await load('got')
  const agent = new http.Agent({ keepAlive: true })
  const client = got.extend({ agent: { http: agent }, retry: { limit: 0 }, throwHttpErrors: false })
  const result = ({ statusCode, statusMessage, headers, body, redirectUrls }) => ({
    statusCode,
    statusMessage,
    headers,
    body,
    redirects: redirectUrls.map(String),
  })
  return {
    get: async (url, headers) => result(await client.get(url, { headers })),
    post: async (url, json) => result(await client.post(url, { json })),
    upload: async (url, body) => result(await client.post(url, { body })),
    download: (url, writable) => pipeline(client.stream(url), writable),
    async abort(url, answered, untilReceived) {
      const controller = new AbortController()
      if (!answered) {
        untilReceived().then(() => controller.abort())
        return result(await client.get(url, { signal: controller.signal }))
      }
      const stream = client.stream(url, { signal: controller.signal })
      stream.once('data', () => controller.abort())
      await stream.toArray()
    },
    timeout: (url) => client.get(url, { timeout: { response: 100 } }),
    end: () => agent.destroy(),
  }
}
