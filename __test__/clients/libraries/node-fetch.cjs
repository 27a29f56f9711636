'use strict'
const { pipeline } = require('node:stream/promises')

module.exports = async (load) => {
  const { default: fetch } = await load('node-fetch')
  const result = async (response) => ({
    status: response.status,
    statusText: response.statusText,
    url: response.url,
    headers: response.headers.raw(),
    body: await response.text(),
  })
  const post = { method: 'POST' }
  return {
    get: async (url, headers) => result(await fetch(url, { headers })),
    post: async (url, value) =>
      result(
        await fetch(url, { ...post, body: JSON.stringify(value), headers: { 'Content-Type': 'application/json' } }),
      ),
    upload: async (url, body) => result(await fetch(url, { ...post, body })),
    download: async (url, writable) => pipeline((await fetch(url)).body, writable),
    async abort(url, answered, untilReceived) {
      const controller = new AbortController()
      if (!answered) untilReceived().then(() => controller.abort())
      const { body } = await fetch(url, { signal: controller.signal })
      body.once('data', () => controller.abort())
      await body.toArray()
    },
    timeout: (url) => fetch(url, { signal: AbortSignal.timeout(100) }),
  }
}
