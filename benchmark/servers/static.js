'use strict'
// Files as serve-static sends them. HTTP_MODULE as in app.js; FILES is the folder of http/files.mjs.

const serveStatic = require('serve-static')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const serve = serveStatic(process.env.FILES)

const server = createServer((req, res) => {
  serve(req, res, (error) => {
    res.writeHead(error ? 500 : 404, { 'Content-Length': 0 })
    res.end()
  })
})
server.keepAliveTimeout = 60_000
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
