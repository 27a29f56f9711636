'use strict'
// msw answers one request, and the server of the next one is real.
const http = require('node:http')
const { HttpResponse, http: mocked } = require('msw')
const { setupServer } = require('msw/node')
const { ask, serve } = require('./_ask.cjs')

setupServer(mocked.get('http://mocked.example/a', () => HttpResponse.text('mocked', { status: 201 }))).listen({
  onUnhandledRequest: 'bypass',
})

serve(async (real) => [await ask(http, 'http://mocked.example/a'), await ask(http, real)])
