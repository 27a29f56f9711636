/** What becomes of bytes from a server that are no response, or none that was asked for. */
import { parserError, type ParserError } from './errors.js'
import { parserErrors } from './native.js'

const PARSER_ERRORS = parserErrors()

const RESPONSE_START = 'HTTP/'
const NO_RESPONSE = PARSER_ERRORS.find(
  ({ code, reason }) => code === 'HPE_INVALID_CONSTANT' && reason.includes('HTTP/'),
)!

/**
 * @param kind index of the engine's error
 * @param packet what was being parsed, of which `bytesParsed` are fine
 * @param begun a response has begun and not ended: what it lacks tells so itself
 * @returns null for one more response than requests, which is dropped without a word, and for an end that came too early,
 *   which tells so itself
 */
export function responseError(kind: number, bytesParsed: number, packet: Buffer, begun: boolean): ParserError | null {
  const { code, reason } = PARSER_ERRORS[kind]!
  if (code !== 'ECONNRESET') return parserError(code, reason, bytesParsed, packet)
  if (begun || isEarlyEnd(kind)) return null
  const start = packet.toString('latin1', bytesParsed, bytesParsed + RESPONSE_START.length)
  if (RESPONSE_START.startsWith(start)) return null
  return parserError(NO_RESPONSE.code, NO_RESPONSE.reason, bytesParsed, packet)
}

/** @returns whether the error is the peer's FIN where it is none of a message's ends */
export function isEarlyEnd(kind: number): boolean {
  return EARLY_ENDS[kind]!
}

const EARLY_ENDS = PARSER_ERRORS.map(
  ({ code, reason }) =>
    code === 'HPE_INVALID_EOF_STATE' ||
    (code === 'ECONNRESET' && (reason === 'socket hang up' || reason === 'aborted')),
)
