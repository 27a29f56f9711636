'use strict'
// A shop as a typical Express program: pages by EJS, JSON, static files, sessions, and Redis as the database.
// HTTP_MODULE as in app.js; BACKEND_PORT is the port of Redis; FILES is the folder of http/files.mjs.

const express = require('express')
const session = require('express-session')
const { RedisStore } = require('connect-redis')
const { createClient } = require('redis')
const path = require('node:path')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const PRODUCTS = 20
const SECRET = 'for measurements only'

const redis = createClient({ socket: { host: '127.0.0.1', port: Number(process.env.BACKEND_PORT) } })

/** Stores the data that http/application.mjs expects. */
async function fill() {
  for (let id = 1; id <= PRODUCTS; id++) {
    await redis.set(`product:${id}`, JSON.stringify({ id, name: `Product <${id}>`, price: id * 100 + 99 }))
    await redis.rPush('products', String(id))
  }
}

const app = express()
app.set('views', path.join(__dirname, 'views'))
app.set('view engine', 'ejs')
app.enable('view cache')
app.use('/assets', express.static(process.env.FILES))

app.get('/', async (_req, res) => {
  const ids = await redis.lRange('products', 0, -1)
  const products = await redis.mGet(ids.map((id) => `product:${id}`))
  res.render('products', { products: products.map((text) => JSON.parse(text)) })
})

app.get('/api/products/:id', async (req, res) => {
  const product = await redis.get(`product:${req.params.id}`)
  if (product === null) return res.status(404).json({ error: 'unknown product' })
  res.json(JSON.parse(product))
})

app.use(
  session({
    store: new RedisStore({ client: redis }),
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
  }),
)

app.post('/login/:user', (req, res) => {
  req.session.user = req.params.user
  req.session.visits = 0
  res.json({ user: req.session.user })
})

app.get('/account', (req, res) => {
  if (req.session.user === undefined) return res.status(401).json({ error: 'not logged in' })
  req.session.visits += 1
  res.json({ user: req.session.user, visits: req.session.visits })
})

const server = createServer(app)
server.keepAliveTimeout = 60_000

async function main() {
  await redis.connect()
  await fill()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    console.log(JSON.stringify({ port: server.address().port }))
  })
}
main()
