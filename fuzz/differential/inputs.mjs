// The n-th input of a seed.
import { mutate } from './mutations.mjs'
import { Random } from './random.mjs'
import { requests } from './requests.mjs'
import { responses } from './responses.mjs'

/**
 * The input of one connection.
 *
 * @typedef {object} Input
 * @property {number} index
 * @property {'server' | 'client'} role the role that is tested: a server receives requests, a client responses
 * @property {boolean} lenient whether `insecureHTTPParser` is set
 * @property {string} profile the program that is tested: see `SERVER_PROFILES` and `CLIENT_PROFILES`
 * @property {string} asks of clients: the request that the input answers, one of `REQUESTS`
 * @property {string} text the bytes, as latin1
 * @property {number[]} cuts where the text is cut when it is sent in pieces, ascending
 * @property {number} messages number of messages that the grammar has made
 */

/** The programs of servers: see server-program.mjs. */
export const SERVER_PROFILES = ['plain', 'listeners', 'limits', 'watched']
/** The programs of clients: see client-program.mjs. */
export const CLIENT_PROFILES = ['plain', 'listeners', 'single']
/** The requests of clients. */
export const REQUESTS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'CONNECT', 'UPGRADE']

/**
 * @param {number} seed
 * @param {number} index
 * @returns {Input}
 */
export function input(seed, index) {
  const random = new Random(seed, index)
  const role = random.chance(60) ? 'server' : 'client'
  const lenient = random.chance(40)
  const profile = random.pick(role === 'server' ? SERVER_PROFILES : CLIENT_PROFILES)
  const asks = role === 'client' ? random.pick(REQUESTS) : ''
  const { text: written, messages } = role === 'server' ? requests(random) : responses(random)
  const text = mutate(written, random)
  return { index, role, lenient, profile, asks, text, cuts: cuts(text.length, random), messages }
}

/** One to four cuts, seldom one after each byte. */
function cuts(length, random) {
  if (length < 2) return []
  if (length < 120 && random.chance(1)) return Array.from({ length: length - 1 }, (_, i) => i + 1)
  const places = new Set()
  for (let n = 1 + random.below(4); n > 0; n--) places.add(1 + random.below(length - 1))
  return [...places].sort((a, b) => a - b)
}

/**
 * @param {Input} input
 * @returns {Buffer[]} the text as it is sent in pieces
 */
export function pieces({ text, cuts }) {
  const bytes = Buffer.from(text, 'latin1')
  return [0, ...cuts].map((start, i) => bytes.subarray(start, cuts[i] ?? bytes.length))
}

/** Largest number of cuts of which every subset is tried. */
const MOST_CUTS = 5

/**
 * @param {Input} input
 * @returns {Input[]} the input with neighbouring pieces merged: one for every subset of its cuts or, if there are many, one without each cut
 */
export function merged(input) {
  const { cuts } = input
  if (cuts.length > MOST_CUTS) return cuts.map((_, left) => ({ ...input, cuts: cuts.filter((_, i) => i !== left) }))
  return Array.from({ length: 2 ** cuts.length - 1 }, (_, choice) => {
    return { ...input, cuts: cuts.filter((_, i) => (choice & (1 << i)) !== 0) }
  })
}
