'use strict'
// The hello of app.js as a Fastify program has it. HTTP_MODULE as there.

const fastify = require('fastify')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const app = fastify({ serverFactory: (handler) => createServer(handler) })
app.get('/hello', async (request, reply) => {
  reply.type('text/plain')
  return 'Hello, world!\n'
})

app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }).then(() => {
  console.log(JSON.stringify({ port: app.server.address().port }))
})
