// Checked by tsc, never run: programs typed against node:http must compile against ferrohttp.
import type { RequestOptions } from 'node:http'
import * as ferrohttp from '../../js/index.js'

const agent = new ferrohttp.Agent({ keepAlive: true, maxSockets: 10, scheduling: 'fifo', proxyEnv: process.env })
const options: RequestOptions = { host: 'localhost', port: 80, headers: { a: ['b', 'c'] }, auth: 'user:pass' }

const request = ferrohttp.request({ ...options, agent, method: 'POST' }, (response) => {
  const status: number | undefined = response.statusCode
  const type: string | undefined = response.headers['content-type']
  response.setEncoding('utf8').on('data', (text: string) => console.log(text, status, type))
})
request.setHeader('X-A', 1)
request.on('error', (error: Error) => console.log(error.message))
request.setTimeout(1000, () => request.destroy())
request.setNoDelay(true)
request.setSocketKeepAlive(true, 1000)
request.write('a', 'utf8', () => {})
request.end('b')
const reused: boolean = request.reusedSocket
const path: string = request.path

ferrohttp.get('http://localhost/', (response) => response.resume())
ferrohttp.get(new URL('http://localhost/'), { agent: false, signal: AbortSignal.timeout(1) }, (response) =>
  response.resume(),
)
ferrohttp.get('http://localhost/', { headers: ['Host', 'a'] })

const waiting: number = Object.keys(agent.requests).length
const name: string = agent.getName({ host: 'a', port: 1 })
agent.destroy()

// @ts-expect-error a method is a string
ferrohttp.request({ method: 1 })
// @ts-expect-error no such strategy
new ferrohttp.Agent({ scheduling: 'random' })

export const used: unknown[] = [reused, path, waiting, name]
