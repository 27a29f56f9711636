// A process that opens keep-alive connections, has one request answered on each, and holds them.
// Arguments: port, path, how many, and for TLS the file of the server's authority. Prints {"open":N}; ends with its standard input.
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

/** Number of connections that are opened at the same time: few enough for every accept queue. */
const OPENING_AT_ONCE = 64

const [port, path, wanted, authority] = [
  Number(process.argv[2]),
  process.argv[3],
  Number(process.argv[4]),
  process.argv[5],
]
const { connect } = authority === undefined ? net : tls
const secureContext = authority && tls.createSecureContext({ ca: readFileSync(authority) })
const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
let open = 0
let started = 0

function fail(error) {
  console.error(`after ${open} connections: ${error.message}`)
  process.exit(1)
}

function openOne() {
  if (started === wanted) return
  started += 1
  const socket = connect({ port, host: '127.0.0.1', secureContext }, () => socket.write(request))
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed an idle connection')))
  socket.once('data', (chunk) => {
    if (!chunk.toString('latin1').startsWith('HTTP/1.1 200 ')) fail(new Error('the answer is not a 200'))
    open += 1
    if (open === wanted) console.log(JSON.stringify({ open }))
    else openOne()
  })
}

process.stdin.resume().on('end', () => process.exit(0))
for (let i = 0; i < OPENING_AT_ONCE; i += 1) openOne()
