'use strict'
// nock answers one request, and the server of the next one is real.
const http = require('node:http')
const { default: nock } = require('nock')
const { ask, serve } = require('./_ask.cjs')

nock('http://mocked.example').get('/a').reply(201, 'mocked', { 'X-Mocked': 'yes' })
nock.enableNetConnect('127.0.0.1')

serve(async (real) => [
  await ask(http, 'http://mocked.example/a'),
  await ask(http, 'http://mocked.example/b').catch((error) => error.code),
  await ask(http, real),
])
