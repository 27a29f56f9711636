// The scenarios as data: the requests to a server or of a client. The answers are those of servers/ and peer-hyper/.
import { FILES } from './files.mjs'

const HELLO = 'Hello, world!\n'
const UPLOAD_BYTES = 64 * 1024
const POST_BYTES = 1024
const BLOB_BYTES = 1024 * 1024

/**
 * @typedef {object} Scenario
 * @property {string} name for --only
 * @property {string} title for the report
 * @property {'load' | 'events' | 'idle' | 'client' | 'start'} kind requests to the route, streams of events, the memory of connections
 *   that wait, a client's program, or the start of a process
 * @property {string} method
 * @property {string} path
 * @property {number} connections of a client also the requests in flight
 * @property {number} [pipeline] number of requests in one write, 1 when absent
 * @property {boolean} [close] every request on its own connection
 * @property {'ecdsa' | 'rsa'} [tls] over https, with a server's key of this kind: P-256, or 2048 bits
 * @property {'full' | 'resumed'} [handshake] every request on its own connection of TLS 1.3, whose session is new, or resumed
 * @property {number} [bodyBytes] length of the request's body
 * @property {string} [program] the script in servers/ where it is not `app`; only JavaScript implementations run it
 * @property {'lines' | 'http' | 'redis'} [backend] the service that the server asks: servers/lines.js, the server of the clients, or
 *   Redis
 * @property {string[]} [packages] that the program needs, of benchmark/package.json
 * @property {boolean} [files] the program sends files of http/files.mjs
 * @property {number} [workers] processes of the server, which is a cluster
 * @property {boolean} [storm] all connections are opened at once, and again when all have closed
 * @property {string[]} [requests] lines for wrk.lua, where `prepare` of measure.mjs has made them; `path` is not used
 * @property {number} [repeat] number of samples in each round, because a sample is one short run
 * @property {number} [stretch] the window is this many times --seconds, because waits are rare
 * @property {number} [warmUpMs] where the usual warm-up is too short for V8 to compile the code and to size its heap
 * @property {{ bytes: number, body: string }} answer the expected response, with status 200
 */

const hello = { kind: 'load', method: 'GET', path: '/hello', answer: { bytes: HELLO.length, body: HELLO } }

const waiting = { ...hello, program: 'waiting', connections: 64 }
const PARTS = Array.from({ length: 64 }, (_, index) => `${`${index}`.padStart(127, '.')}\n`).join('')
const textAnswer = (body) => ({ bytes: body.length, body })

const streaming = {
  kind: 'load',
  method: 'GET',
  connections: 64,
  program: 'streams',
  files: true,
  // V8's young generation has its final size after some thousand of these. Before that, its collections are other ones.
  warmUpMs: 4000,
  answer: textAnswer(FILES['64k.txt']),
}
const given = { ...hello, program: 'given', connections: 64 }
const clustered = { ...hello, program: 'cluster', connections: 64 }
const asking = { ...hello, kind: 'client' }
/**
 * In its first three or four seconds V8 starts a full collection for every 32 MB of bodies outside its heap. Then this limit has grown,
 * and a request costs half as much.
 */
const upload = {
  kind: 'load',
  method: 'POST',
  path: '/upload',
  connections: 64,
  bodyBytes: UPLOAD_BYTES,
  warmUpMs: 6000,
  answer: { bytes: String(UPLOAD_BYTES).length, body: String(UPLOAD_BYTES) },
}
const blob = { bytes: BLOB_BYTES, body: 'x'.repeat(BLOB_BYTES) }
const download = { kind: 'load', method: 'GET', path: '/blob', connections: 64, answer: blob }
/** As many connections as keep a server busy; as `new-connection`, it needs a long warm-up. */
const handshakes = { ...hello, connections: 32, close: true, warmUpMs: 1500 }

/** @type {Scenario[]} */
export const SCENARIOS = [
  { ...hello, name: 'hello-1', title: 'hello, 1 connection', connections: 1 },
  { ...hello, name: 'hello-8', title: 'hello, 8 connections', connections: 8 },
  { ...hello, name: 'hello-64', title: 'hello, 64 connections', connections: 64 },
  { ...hello, name: 'hello-512', title: 'hello, 512 connections', connections: 512 },
  { ...hello, name: 'pipelined-16', title: 'hello, 64 connections, pipelined 16 deep', connections: 64, pipeline: 16 },
  // Node answers few of these a second: after half a second its first second is still a fifth slower than the next ones.
  {
    ...hello,
    name: 'new-connection',
    title: 'hello, a new connection for each request',
    connections: 64,
    close: true,
    warmUpMs: 1500,
  },
  {
    ...hello,
    name: 'burn-1ms',
    title: 'a handler that burns 1 ms of CPU, 64 connections',
    path: '/burn',
    connections: 64,
    stretch: 2,
  },
  { ...upload, name: 'upload-64k', title: 'POST of 64 KiB, 64 connections' },
  { ...download, name: 'download-1m', title: 'GET of 1 MiB, 64 connections' },
  { ...download, name: 'download-1m-16', title: 'GET of 1 MiB, 16 connections', connections: 16 },
  {
    ...hello,
    name: 'application-64',
    title: 'an Express application with EJS, sessions, static files and Redis',
    path: '/',
    connections: 64,
    program: 'application',
    backend: 'redis',
    packages: ['express', 'express-session', 'connect-redis', 'ejs', 'redis'],
    files: true,
    warmUpMs: 1500,
  },
  {
    ...hello,
    name: 'express-64',
    title: 'Express 5 hello, 64 connections',
    connections: 64,
    program: 'express',
    packages: ['express'],
  },
  {
    ...hello,
    name: 'fastify-64',
    title: 'Fastify 5 hello, 64 connections',
    connections: 64,
    program: 'fastify',
    packages: ['fastify'],
  },
  { ...waiting, name: 'await-64', title: 'a handler that awaits twice', path: '/await' },
  { ...waiting, name: 'immediate-64', title: 'a handler that waits for setImmediate', path: '/immediate' },
  { ...waiting, name: 'timer-64', title: 'a handler that waits for a timer of 1 ms', path: '/timer' },
  { ...waiting, name: 'file-64', title: 'a handler that waits for fs.readFile', path: '/file' },
  {
    ...waiting,
    name: 'backend-64',
    title: 'a handler that asks a service over TCP',
    path: '/backend',
    backend: 'lines',
  },
  {
    ...waiting,
    name: 'gateway-64',
    title: 'a gateway: one request to another server for each',
    path: '/gateway',
    backend: 'http',
  },
  { ...streaming, name: 'file-stream-64', title: 'fs.createReadStream of 64 KiB, piped', path: '/stream' },
  {
    ...streaming,
    name: 'file-stream-2k-64',
    title: 'fs.createReadStream of 2 KiB, piped',
    path: '/small-stream',
    answer: textAnswer(FILES['2k.txt']),
  },
  { ...streaming, name: 'pipeline-64', title: 'fs.createReadStream of 64 KiB, by pipeline', path: '/pipeline' },
  {
    ...streaming,
    name: 'static-64',
    title: 'a file of 64 KiB by serve-static',
    path: '/64k.txt',
    program: 'static',
    packages: ['serve-static'],
  },
  {
    ...streaming,
    name: 'writes-64',
    title: '64 times res.write of 128 bytes, in 4 turns of the event loop',
    path: '/writes',
    answer: textAnswer(PARTS),
  },
  {
    ...hello,
    name: 'sse-5000',
    title: 'server-sent events: one a second to each of 5,000 clients, figures for an event',
    kind: 'events',
    path: '/',
    connections: 5000,
    program: 'events',
    stretch: 2,
  },
  { ...given, name: 'given-64', title: "hello on sockets that the server gets by 'connection'" },
  {
    ...given,
    name: 'given-parts-64',
    title: "two chunks on sockets that the server gets by 'connection'",
    path: '/parts',
  },
  { ...clustered, name: 'cluster-1-64', title: 'hello, a cluster of one worker', workers: 1 },
  { ...clustered, name: 'cluster-2-64', title: 'hello, a cluster of two workers on one core', workers: 2 },
  {
    ...hello,
    name: 'heavy-1pct-64',
    title: 'hello, and one handler of a hundred burns 5 ms of CPU',
    connections: 64,
    program: 'mixed',
    stretch: 2,
  },
  {
    ...hello,
    name: 'connect-storm',
    title: 'hello, 2,000 connections opened at once, a request on each',
    connections: 2000,
    close: true,
    storm: true,
    warmUpMs: 1500,
  },
  { ...hello, name: 'https-1', title: 'https: hello, 1 connection', tls: 'ecdsa', connections: 1 },
  { ...hello, name: 'https-64', title: 'https: hello, 64 connections', tls: 'ecdsa', connections: 64 },
  { ...upload, name: 'https-upload-64k', title: 'https: POST of 64 KiB, 64 connections', tls: 'ecdsa' },
  { ...download, name: 'https-download-1m', title: 'https: GET of 1 MiB, 64 connections', tls: 'ecdsa' },
  {
    ...handshakes,
    name: 'https-full',
    title: 'https: a full handshake for each request, ECDSA P-256',
    tls: 'ecdsa',
    handshake: 'full',
  },
  {
    ...handshakes,
    name: 'https-full-rsa',
    title: 'https: a full handshake for each request, RSA 2048',
    tls: 'rsa',
    handshake: 'full',
  },
  {
    ...handshakes,
    name: 'https-resumed',
    title: 'https: a resumed session for each request',
    tls: 'ecdsa',
    handshake: 'resumed',
  },
  { ...hello, name: 'idle', title: 'an idle keep-alive connection', kind: 'idle', connections: 5000 },
  { ...hello, name: 'https-idle', title: 'https: an idle connection', kind: 'idle', tls: 'ecdsa', connections: 5000 },
  { ...hello, name: 'start-up', title: 'start of a process that does nothing', kind: 'start', repeat: 9 },
  { ...asking, name: 'client-1', title: 'GET of 14 bytes, 1 in flight', connections: 1 },
  { ...asking, name: 'client-64', title: 'GET of 14 bytes, 64 in flight', connections: 64 },
  {
    ...asking,
    name: 'client-post-1k',
    title: 'POST of 1 KiB, 64 in flight',
    method: 'POST',
    path: '/upload',
    connections: 64,
    bodyBytes: POST_BYTES,
    answer: { bytes: String(POST_BYTES).length, body: String(POST_BYTES) },
  },
  {
    ...asking,
    name: 'client-download-1m',
    title: 'GET of 1 MiB, 64 in flight',
    path: '/blob',
    connections: 64,
    answer: blob,
  },
  {
    ...asking,
    name: 'client-new-connection',
    title: 'GET of 14 bytes, 64 in flight, a new connection for each',
    connections: 64,
    close: true,
    warmUpMs: 1500,
  },
  { ...asking, name: 'https-client-1', title: 'https: GET of 14 bytes, 1 in flight', tls: 'ecdsa', connections: 1 },
  { ...asking, name: 'https-client-64', title: 'https: GET of 14 bytes, 64 in flight', tls: 'ecdsa', connections: 64 },
]
