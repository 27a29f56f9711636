'use strict'
// The hello of app.js as an Express program has it. HTTP_MODULE as there.

const express = require('express')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const app = express()
app.get('/hello', (req, res) => {
  res.type('text').send('Hello, world!\n')
})

const server = createServer(app)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
