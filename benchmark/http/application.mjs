// The requests to servers/application.js: pages, JSON, static files, and requests of users who have logged in.
import http from 'node:http'
import { FILES } from './files.mjs'
import { check } from './verify.mjs'

const PRODUCTS = 20
/** One for each connection, so that two requests seldom use the same session at the same time. */
const USERS = 64

const product = (id) => ({ id, name: `Product <${id}>`, price: id * 100 + 99 })
const row = ({ id, price }) =>
  `<li><a href="/products/${id}">Product &lt;${id}&gt;</a> <span>${(price / 100).toFixed(2)}</span></li>\n`

const page = `<!doctype html>
<html lang="en">
<head><title>Products</title><link rel="stylesheet" href="/assets/site.css"></head>
<body>
<h1>${PRODUCTS} products</h1>
<ul>
${Array.from({ length: PRODUCTS }, (_, index) => row(product(index + 1))).join('')}</ul>
</body>
</html>
`

/** Each request, and how many of ten requests it is. */
const MIX = [
  { share: 3, path: '/', answer: page },
  { share: 3, path: '/api/products/7', answer: JSON.stringify(product(7)) },
  { share: 2, path: '/assets/site.css', answer: FILES['site.css'] },
  { share: 2, path: '/account', answer: JSON.stringify({ user: 'user-0', visits: 1 }), session: true },
]

/**
 * Logs users in and compares one answer to each kind of request.
 * @param {import('./server-process.mjs').ServerProcess} server
 * @returns {Promise<string[]>} the requests for `wrk.lua`, in their order: method, path and cookie, separated by tabs
 * @throws when an answer was wrong
 */
export async function prepareApplication(server) {
  const cookies = []
  for (let user = 0; user < USERS; user++) cookies.push(await logIn(server, `user-${user}`))
  for (const { path, answer, session } of MIX) {
    const cookie = session ? cookies[0] : undefined
    const got = await ask(server.port, { method: 'GET', path, cookie })
    check(server, { method: 'GET', path, answer: { bytes: Buffer.byteLength(answer), body: answer } }, got)
  }
  return cookies.flatMap((cookie) => cycle().map(({ path, session }) => `GET\t${path}\t${session ? cookie : ''}`))
}

/** The mix in an order in which equal requests are apart. */
function cycle() {
  const left = MIX.map((kind) => ({ kind, share: kind.share }))
  const order = []
  while (left.some(({ share }) => share > 0)) {
    for (const entry of left) {
      if (entry.share === 0) continue
      entry.share -= 1
      order.push(entry.kind)
    }
  }
  return order
}

async function logIn(server, user) {
  const path = `/login/${user}`
  const body = JSON.stringify({ user })
  const got = await ask(server.port, { method: 'POST', path })
  check(server, { method: 'POST', path, answer: { bytes: body.length, body } }, got)
  return got.cookie
}

function ask(port, { method, path, cookie }) {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method, path, agent: false, headers: cookie ? { cookie } : {} }
    const request = http.request(options, (res) => {
      const chunks = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('end', () => {
        const [set] = res.headers['set-cookie'] ?? []
        resolve({ status: res.statusCode, body: Buffer.concat(chunks), cookie: set?.split(';', 1)[0] })
      })
      res.on('error', reject)
    })
    request.on('error', reject)
    request.end()
  })
}
