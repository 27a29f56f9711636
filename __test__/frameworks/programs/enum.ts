// A program in TypeScript that Node.js cannot run by removing its types. Prints what its server answers.
import { createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

enum Answer {
  Text = 'from an enum',
}

const server: Server = createServer((_req, res) => res.end(Answer.Text)).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  get({ port, host: '127.0.0.1', agent: false }, async (res) => {
    const [body] = await res.toArray()
    console.log(JSON.stringify([String(body), process.versions['ferrohttp'] ?? null]))
    server.close()
  })
})
