// Loads a server: by wrk, by the program of handshakes if each request has one of its own, or by a storm.
import * as handshakes from './handshakes.mjs'
import * as storm from './storm.mjs'
import * as wrk from './wrk.mjs'

/** @param {import('./scenarios.mjs').Scenario} scenario */
function tool({ handshake, storm: isStorm }) {
  if (isStorm) return storm
  return handshake === undefined ? wrk : handshakes
}

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {string | null} how to install the tool for this scenario's load, null if it is there
 */
export function missingTool(scenario) {
  const { isThere, INSTALL } = tool(scenario)
  return scenario.kind !== 'load' || isThere() ? null : INSTALL
}

/**
 * Loads a server until the time is up.
 * @param {number} port
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {number} milliseconds
 * @param {() => void} begin called when the load begins, if it has preparations
 * @returns {Promise<{ requests: number, seconds: number, p50: number | null, p99: number | null }>} latencies in
 *   microseconds, null for a pipelined scenario
 * @throws when an answer was wrong, or a connection failed
 */
export const load = (port, scenario, milliseconds, begin = () => {}) =>
  scenario.handshake === undefined
    ? tool(scenario).load(port, scenario, milliseconds)
    : handshakes.load(port, scenario, milliseconds, begin)
