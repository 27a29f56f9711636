/**
 * ferrohttp's https, which the build makes a second file of: it loads node:tls, and only programs that use it should wait for that.
 * What its modules need of the others they import from `core.ts`.
 */
export { Agent, globalAgent, type SecureAgent } from './https-agent.js'
export { get, request } from './https-client.js'
export { createServer, Server } from './https-server.js'
export { finishHttps } from './core.js'
