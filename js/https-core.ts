/**
 * https. The build bundles it into a second file, because it loads node:tls, and only programs that use https should wait for that.
 * Its modules import what they need of the others from `core.ts`.
 */
export { Agent, globalAgent, type SecureAgent } from './internal/https/agent.js'
export { get, request } from './internal/https/client.js'
export { createServer, Server } from './internal/https/server.js'
export { finishHttps } from './core.js'
