// A process that opens keep-alive connections, has one request answered on each, and holds them.
// Arguments: port, path, how many. Prints {"open":N}; ends with its standard input.
import { connect } from 'node:net'

/** Few enough at a time that no accept queue overflows. */
const OPENING_AT_ONCE = 64

const [port, path, wanted] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])]
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
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request))
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
