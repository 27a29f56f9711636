// The service that is restarted: a program that does not use ferrohttp by itself. `service.js port`
import http from 'node:http'

const HANDLER_MS = 10

const server = http.createServer((req, res) => {
  let length = 0
  req.on('data', (chunk) => {
    length += chunk.length
  })
  req.on('end', () => setTimeout(() => res.end(`${req.method} ${length}`), HANDLER_MS))
})
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send('listening'))
