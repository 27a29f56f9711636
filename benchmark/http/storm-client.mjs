// A process that opens many connections at once, has one request answered on each, and starts again when all have closed.
// Arguments: port, path, how many, for how many milliseconds, body of the answer. Prints the figures as one line of JSON.
import net from 'node:net'
import { Latencies } from '../clients/latencies.mjs'

const [port, path, connections, milliseconds, body] = [
  Number(process.argv[2]),
  process.argv[3],
  Number(process.argv[4]),
  Number(process.argv[5]),
  process.argv[6],
]
const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`
const latencies = new Latencies()
const started = performance.now()
let requests = 0

function fail(error) {
  console.error(`after ${requests} requests: ${error.message}`)
  process.exit(1)
}

function openOne() {
  return new Promise((resolve) => {
    const asked = performance.now()
    let answer = ''
    const socket = net.connect({ port, host: '127.0.0.1' }, () => socket.write(request))
    socket.setEncoding('latin1').on('error', fail)
    socket.on('data', (text) => {
      answer += text
    })
    socket.on('close', () => {
      if (!answer.startsWith('HTTP/1.1 200 ') || answer.split('\r\n\r\n')[1] !== body) {
        fail(new Error(`the answer is ${JSON.stringify(answer)}`))
      }
      latencies.record(performance.now() - asked)
      requests += 1
      resolve()
    })
  })
}

do await Promise.all(Array.from({ length: connections }, openOne))
while (performance.now() - started < milliseconds)
const figures = { requests, seconds: (performance.now() - started) / 1000 }
console.log(JSON.stringify({ ...figures, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) }))
