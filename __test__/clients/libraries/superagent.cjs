'use strict'
const http = require('node:http')
const { once } = require('node:events')

module.exports = async (load) => {
  const { default: superagent } = await load('superagent')
  const agent = new http.Agent({ keepAlive: true })
  const result = ({ status, headers, text, body, redirects }) => ({ status, headers, text, body, redirects })
  return {
    // A program cannot listen for the error then.
    without: ['a download cut off'],
    get: async (url, headers = {}) => result(await superagent.get(url).agent(agent).set(headers)),
    post: async (url, value) => result(await superagent.post(url).agent(agent).send(value)),
    async upload(url, stream) {
      const request = superagent.post(url).agent(agent).type('application/octet-stream')
      // A request is a thenable: to await it is to send it.
      const answered = new Promise((resolve, reject) => request.on('response', resolve).on('error', reject))
      stream.pipe(request)
      return result(await answered)
    },
    async download(url, writable) {
      const request = superagent.get(url).agent(agent)
      request.pipe(writable)
      // It reports a body that ends too early only as 'error'.
      await Promise.race([once(writable, 'finish'), new Promise((_resolve, reject) => request.on('error', reject))])
    },
    async abort(url, answered, untilReceived) {
      const request = superagent.get(url).agent(agent).buffer(false)
      const aborted = new Promise((resolve) => request.on('abort', () => resolve('aborted')))
      if (answered) {
        request.parse((response) => {
          response.on('error', () => {})
          response.once('data', () => request.abort())
        })
      }
      // Its response is a stream of its own, which fails, too. The error may be reported without the response.
      request.on('response', (response) => response.on('error', () => {}))
      request.end(() => {})
      if (!answered) {
        await untilReceived()
        request.abort()
      }
      return aborted
    },
    timeout: (url) => superagent.get(url).agent(agent).timeout({ response: 100 }),
    end: () => agent.destroy(),
  }
}
