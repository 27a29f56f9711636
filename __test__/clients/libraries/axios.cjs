'use strict'
const http = require('node:http')
const { pipeline } = require('node:stream/promises')

module.exports = async (load) => {
  const { default: axios } = await load('axios')
  const agent = new http.Agent({ keepAlive: true })
  const client = axios.create({ httpAgent: agent, proxy: false })
  const result = ({ status, statusText, headers, data }) => ({ status, statusText, headers, data })
  return {
    get: async (url, headers) => result(await client.get(url, { headers })),
    post: async (url, value) => result(await client.post(url, value)),
    upload: async (url, stream) => result(await client.post(url, stream, { maxRedirects: 0 })),
    async download(url, writable) {
      const { data } = await client.get(url, { responseType: 'stream' })
      await pipeline(data, writable)
    },
    async abort(url, answered, untilReceived) {
      const controller = new AbortController()
      const options = { signal: controller.signal, responseType: answered ? 'stream' : 'text' }
      const asked = client.get(url, options)
      if (!answered) untilReceived().then(() => controller.abort())
      const { data } = await asked
      data.once('data', () => controller.abort())
      await data.toArray()
    },
    timeout: (url) => client.get(url, { timeout: 100 }),
    end: () => agent.destroy(),
  }
}
