'use strict'
// Handlers whose response is a stream or many parts. HTTP_MODULE as in app.js; FILES is the folder of http/files.mjs.

const fs = require('node:fs')
const path = require('node:path')
const { pipeline } = require('node:stream')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const file = (base) => path.join(process.env.FILES, base)
const LARGE = file('64k.txt')
const SMALL = file('2k.txt')
const LARGE_LENGTH = fs.statSync(LARGE).size
const SMALL_LENGTH = fs.statSync(SMALL).size

/** 64 parts of 128 bytes, 16 of them in each turn of the event loop. */
const PARTS = 64
const PARTS_IN_A_TURN = 16
const part = (index) => `${index}`.padStart(127, '.') + '\n'

function head(res, length) {
  res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': length })
}

function write(res, from) {
  const to = from + PARTS_IN_A_TURN
  for (let index = from; index < to; index++) res.write(part(index))
  if (to < PARTS) setImmediate(write, res, to)
  else res.end()
}

const handlers = {
  '/stream': (res) => {
    head(res, LARGE_LENGTH)
    fs.createReadStream(LARGE).pipe(res)
  },
  '/small-stream': (res) => {
    head(res, SMALL_LENGTH)
    fs.createReadStream(SMALL).pipe(res)
  },
  '/pipeline': (res) => {
    head(res, LARGE_LENGTH)
    // The load closes its connections when its time is over, also within a response.
    pipeline(fs.createReadStream(LARGE), res, () => {})
  },
  '/writes': (res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain' })
    write(res, 0)
  },
}

const server = createServer((req, res) => handlers[req.url](res))
server.keepAliveTimeout = 60_000
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
