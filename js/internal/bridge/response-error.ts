/** Makes errors of a server's bytes that are malformed or unsolicited. */
import { parserError, type ParserError } from '../errors.js'
import { parserErrors } from './native.js'

const PARSER_ERRORS = parserErrors()

const RESPONSE_START = 'HTTP/'
const NO_RESPONSE = PARSER_ERRORS.find(
  ({ code, reason }) => code === 'HPE_INVALID_CONSTANT' && reason.includes('HTTP/'),
)!

/**
 * @param kind index of the engine's error
 * @param packet the bytes that were being parsed, of which the first `bytesParsed` are valid
 * @param begun whether a response has begun and not ended; an incomplete response reports that itself
 * @returns null for an unsolicited response, which is dropped silently, and for an early end, which the response reports itself
 */
export function responseError(kind: number, bytesParsed: number, packet: Buffer, begun: boolean): ParserError | null {
  const { code, reason } = PARSER_ERRORS[kind]!
  if (code !== 'ECONNRESET') return parserError(code, reason, bytesParsed, packet)
  if (begun || isEarlyEnd(kind)) return null
  const start = packet.toString('latin1', bytesParsed, bytesParsed + RESPONSE_START.length)
  if (RESPONSE_START.startsWith(start)) return null
  return parserError(NO_RESPONSE.code, NO_RESPONSE.reason, bytesParsed, packet)
}

/** @returns whether the error is the peer's FIN in the middle of a message */
export function isEarlyEnd(kind: number): boolean {
  return EARLY_ENDS[kind]!
}

const EARLY_ENDS = PARSER_ERRORS.map(
  ({ code, reason }) =>
    code === 'HPE_INVALID_EOF_STATE' ||
    (code === 'ECONNRESET' && (reason === 'socket hang up' || reason === 'aborted')),
)
