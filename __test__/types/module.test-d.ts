// The module is the builtin one to TypeScript, in both directions.
import http from 'node:http'
import * as ferrohttp from '../../js/index.js'

type Ours = typeof ferrohttp
type Node = typeof http

/** Names whose type in `A` is not assignable to that in `B`. */
type Refused<A, B> = { [K in keyof A & keyof B]: A[K] extends B[K] ? never : K }[keyof A & keyof B]

/** Compiles with `never` only. The error names the members that should not be there. */
type None<T extends never> = T

export type Checked = [None<Exclude<keyof Node, keyof Ours>>, None<Refused<Ours, Node>>, None<Refused<Node, Ours>>]

function takesNode(module: Node): void {
  module.createServer((req, res) => res.end(req.url)).listen(0)
}
takesNode({ ...http, ...ferrohttp })

function listener(req: ferrohttp.IncomingMessage, res: ferrohttp.ServerResponse): void {
  res.end(req.headers.host)
}
http.createServer(listener)
ferrohttp.createServer((req: http.IncomingMessage, res: http.ServerResponse) => listener(req, res))
const agent: http.Agent = new ferrohttp.Agent({ keepAlive: true })
http.get({ agent })
