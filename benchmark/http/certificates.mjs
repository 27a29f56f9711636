// The certificates of the https scenarios: servers for localhost and 127.0.0.1, one with a key of each kind, and their authority.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (file) => fileURLToPath(new URL(`../certificates/${file}`, import.meta.url))

export const AUTHORITY_FILE = at('authority.pem')
export const AUTHORITY = readFileSync(AUTHORITY_FILE, 'utf8')

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {Record<string, string>} the environment of a server, with the files of its key and certificate
 */
export function serverFiles({ tls }) {
  return tls === undefined ? {} : { TLS_KEY: at(`${tls}.key`), TLS_CERT: at(`${tls}.pem`) }
}

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {string} the origin of its server, without the port
 */
export const origin = ({ tls }) => (tls === undefined ? 'http://127.0.0.1' : 'https://127.0.0.1')
