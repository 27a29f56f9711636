/**
 * Every error that ferrohttp makes when it runs, with Node's codes, messages and shape. Errors that prevent it from running are in
 * `installation-errors.ts`.
 */
import { format, getSystemErrorMap, inspect } from 'node:util'

import { CodedRangeError, CodedTypeError, define, PlainError, type NodeError } from './coded-error.js'

export type { NodeError }

export const ERR_UNKNOWN_ENCODING = define(
  'ERR_UNKNOWN_ENCODING',
  CodedTypeError,
  (encoding: unknown) => `Unknown encoding: ${format('%s', encoding)}`,
)
export const ERR_HTTP_BODY_NOT_ALLOWED = define(
  'ERR_HTTP_BODY_NOT_ALLOWED',
  PlainError,
  () => 'Adding content for this request method or response status is not allowed.',
)
export const ERR_HTTP_CONTENT_LENGTH_MISMATCH = define(
  'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  PlainError,
  (written: number, announced: number) =>
    `Response body's content-length of ${written} byte(s) does not match the content-length of ${announced} byte(s) set in header`,
)
export const ERR_HTTP_HEADERS_SENT = define(
  'ERR_HTTP_HEADERS_SENT',
  PlainError,
  (verb: string) => `Cannot ${verb} headers after they are sent to the client`,
)
export const ERR_HTTP_INVALID_HEADER_VALUE = define(
  'ERR_HTTP_INVALID_HEADER_VALUE',
  CodedTypeError,
  (value: unknown, name: string) => format('Invalid value "%s" for header "%s"', value, name),
)
export const ERR_HTTP_INVALID_STATUS_CODE = define('ERR_HTTP_INVALID_STATUS_CODE', CodedRangeError, (status: unknown) =>
  format('Invalid status code: %s', status),
)
export const ERR_HTTP_REQUEST_TIMEOUT = define('ERR_HTTP_REQUEST_TIMEOUT', PlainError, () => 'Request timeout')
/** The error of Node's own assertions. */
export const ERR_INTERNAL_ASSERTION = define('ERR_INTERNAL_ASSERTION', PlainError, (problem: string) => problem)
export const ERR_HTTP_SOCKET_ASSIGNED = define(
  'ERR_HTTP_SOCKET_ASSIGNED',
  PlainError,
  () => 'ServerResponse has an already assigned socket',
)
export const ERR_HTTP_SOCKET_ENCODING = define(
  'ERR_HTTP_SOCKET_ENCODING',
  PlainError,
  () => 'Changing the socket encoding is not allowed per RFC7230 Section 3.',
)
export const ERR_HTTP_TRAILER_INVALID = define(
  'ERR_HTTP_TRAILER_INVALID',
  PlainError,
  () => 'Trailers are invalid with this transfer encoding',
)
export const ERR_INVALID_ADDRESS_FAMILY = define(
  'ERR_INVALID_ADDRESS_FAMILY',
  CodedRangeError,
  (family: unknown, host: unknown, port: unknown) => format('Invalid address family: %s %s:%s', family, host, port),
)
export const ERR_INVALID_ARG_TYPE = define('ERR_INVALID_ARG_TYPE', CodedTypeError, argTypeMessage)
/** The argument is the reason why a handle cannot be passed on. */
export const ERR_INVALID_HANDLE_TYPE = define(
  'ERR_INVALID_HANDLE_TYPE',
  CodedTypeError,
  (reason: string) => `This handle type cannot be sent: ${reason}`,
)
export const ERR_INVALID_ARG_VALUE = define('ERR_INVALID_ARG_VALUE', CodedTypeError, argValueMessage)
export const ERR_INVALID_CHAR = define(
  'ERR_INVALID_CHAR',
  CodedTypeError,
  (what: string, field?: string) => `Invalid character in ${what}${field === undefined ? '' : ` ["${field}"]`}`,
)
export const ERR_INVALID_HTTP_TOKEN = define(
  'ERR_INVALID_HTTP_TOKEN',
  CodedTypeError,
  (label: string, token: unknown) => format('%s must be a valid HTTP token ["%s"]', label, token),
)
export const ERR_INVALID_IP_ADDRESS = define('ERR_INVALID_IP_ADDRESS', CodedTypeError, (address: unknown) =>
  format('Invalid IP address: %s', address),
)
export const ERR_INVALID_PROTOCOL = define(
  'ERR_INVALID_PROTOCOL',
  CodedTypeError,
  (actual: unknown, expected: unknown) => `Protocol "${actual}" not supported. Expected "${expected}"`,
)
export const ERR_METHOD_NOT_IMPLEMENTED = define(
  'ERR_METHOD_NOT_IMPLEMENTED',
  PlainError,
  (method: string) => `The ${method} method is not implemented`,
)
export const ERR_OUT_OF_RANGE = define('ERR_OUT_OF_RANGE', CodedRangeError, outOfRangeMessage)
export const ERR_PROXY_TUNNEL = define('ERR_PROXY_TUNNEL', PlainError, (reason: string) => reason)
export const ERR_PROXY_INVALID_CONFIG = define('ERR_PROXY_INVALID_CONFIG', PlainError, (reason: string) => reason)
export const ERR_SOCKET_BAD_PORT = define(
  'ERR_SOCKET_BAD_PORT',
  CodedRangeError,
  (name: string, port: unknown, allowZero: boolean) =>
    `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536.${received(port)}.`,
)
export const ERR_STREAM_ALREADY_FINISHED = define(
  'ERR_STREAM_ALREADY_FINISHED',
  PlainError,
  (method: string) => `Cannot call ${method} after a stream was finished`,
)
export const ERR_STREAM_CANNOT_PIPE = define('ERR_STREAM_CANNOT_PIPE', PlainError, () => 'Cannot pipe, not readable')
export const ERR_MULTIPLE_CALLBACK = define('ERR_MULTIPLE_CALLBACK', PlainError, () => 'Callback called multiple times')
export const ERR_SOCKET_CLOSED = define('ERR_SOCKET_CLOSED', PlainError, () => 'Socket is closed')
export const ERR_SOCKET_CLOSED_BEFORE_CONNECTION = define(
  'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
  PlainError,
  () => 'Socket closed before the connection was established',
)
export const ERR_STREAM_DESTROYED = define(
  'ERR_STREAM_DESTROYED',
  PlainError,
  (method: string) => `Cannot call ${method} after a stream was destroyed`,
)
export const ERR_STREAM_NULL_VALUES = define(
  'ERR_STREAM_NULL_VALUES',
  CodedTypeError,
  () => 'May not write null values to stream',
)
export const ERR_STREAM_WRITE_AFTER_END = define('ERR_STREAM_WRITE_AFTER_END', PlainError, () => 'write after end')
export const ERR_TLS_ALPN_CALLBACK_INVALID_RESULT = define(
  'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT',
  CodedTypeError,
  (value: unknown, protocols: readonly string[]) =>
    `ALPN callback returned a value (${value}) that did not match any of the client's offered protocols (${protocols.join(', ')})`,
)
export const ERR_TLS_HANDSHAKE_TIMEOUT = define('ERR_TLS_HANDSHAKE_TIMEOUT', PlainError, () => 'TLS handshake timeout')
export const ERR_TLS_INVALID_STATE = define(
  'ERR_TLS_INVALID_STATE',
  PlainError,
  () => 'TLS socket connection must be securely established',
)
export const ERR_TLS_SNI_FROM_SERVER = define(
  'ERR_TLS_SNI_FROM_SERVER',
  PlainError,
  () => 'Cannot issue SNI from a TLS server-side socket',
)
export const ERR_UNESCAPED_CHARACTERS = define(
  'ERR_UNESCAPED_CHARACTERS',
  CodedTypeError,
  (what: string) => `${what} contains unescaped characters`,
)

/** ECONNRESET as Node reports it for a message whose connection has closed: a plain Error with a code. */
export function connectionReset(message: string): NodeError {
  const error = new Error(message) as NodeError
  error.code = 'ECONNRESET'
  return error
}

/** The error of a system call. */
export interface SystemError extends NodeError {
  /** libuv's error number, which is negative. */
  errno: number
  syscall: string
  address?: string
  port?: number
}

let numbersByCode: Map<string, [errno: number, text: string]> | null = null

function systemErrorByCode(code: string): [errno: number, text: string] | undefined {
  if (numbersByCode === null) {
    numbersByCode = new Map()
    for (const [errno, [name, text]] of getSystemErrorMap()) numbersByCode.set(name, [errno, text])
  }
  return numbersByCode.get(code)
}

/**
 * `read ECONNRESET` without an address, `listen EADDRINUSE: address already in use 127.0.0.1:80` with one.
 *
 * @param code the platform's name, such as `EADDRINUSE`
 * @param port not in the message when it is 0 or undefined; -1 for a Unix path
 */
export function systemError(code: string, syscall: string, address?: string, port?: number): SystemError {
  const known = systemErrorByCode(code)
  let message = `${syscall} ${code}`
  if (address !== undefined) {
    if (known !== undefined) message += `: ${known[1]}`
    message += port !== undefined && port > 0 ? ` ${address}:${port}` : ` ${address}`
  }
  const error = new Error(message) as SystemError
  Error.captureStackTrace(error, systemError)
  // The order of the members, which `inspect` shows, is Node's.
  if (syscall === 'listen') error.code = code
  error.errno = known === undefined ? 0 : known[0]
  error.code = code
  error.syscall = syscall
  if (address !== undefined) error.address = address
  if (port) error.port = port
  return error
}

/**
 * The error of a failed attempt to connect. Unlike `systemError`, and as in Node, the message does not explain the code.
 *
 * @param local the local address, if the program has set one
 */
export function connectError(
  code: string,
  syscall: string,
  address: string | undefined,
  port?: number,
  local?: string,
): SystemError {
  const error = systemError(code, syscall, address, port)
  const where = address === undefined ? '' : port ? ` ${address}:${port}` : ` ${address}`
  error.message = `${syscall} ${code}${where}${local === undefined ? '' : ` - Local (${local})`}`
  Error.captureStackTrace(error, connectError)
  return error
}

/** The error of several failed attempts, with the code of the first. */
export function aggregateError(errors: readonly [SystemError, ...SystemError[]]): AggregateError & { code: string } {
  const error = new AggregateError(errors) as AggregateError & { code: string }
  error.code = errors[0].code
  return error
}

/** The error of malformed bytes, for 'clientError'. */
export interface ParserError extends NodeError {
  reason: string
  /** Number of valid bytes at the beginning of `rawPacket`. */
  bytesParsed: number
  /** The bytes that were being parsed. */
  rawPacket?: Buffer
}

/** @param code `HPE_…` */
export function parserError(code: string, reason: string, bytesParsed: number, rawPacket: Buffer): ParserError {
  // A request that the peer's FIN has cut off has no packet, and Node's message is shorter.
  const cutOff = code === CUT_OFF
  const error = new Error(cutOff ? 'Parse Error' : `Parse Error: ${reason}`) as ParserError
  Error.captureStackTrace(error, parserError)
  error.bytesParsed = bytesParsed
  error.code = code
  error.reason = reason
  if (!cutOff) error.rawPacket = rawPacket
  return error
}

const CUT_OFF = 'HPE_INVALID_EOF_STATE'

/** Whether it is the error of a request that ended with the connection. */
export function isCutOff(error: Error): boolean {
  return (error as { code?: string }).code === CUT_OFF
}

const PRIMITIVES = new Set([
  'string',
  'function',
  'number',
  'object',
  'Function',
  'Object',
  'boolean',
  'bigint',
  'symbol',
])

function listOf(items: readonly string[]): string {
  if (items.length < 3) return items.join(' or ')
  return `${items.slice(0, -1).join(', ')}, or ${items[items.length - 1]}`
}

function received(value: unknown): string {
  if (value === null || value === undefined) return ` Received ${String(value)}`
  if (typeof value === 'function') return ` Received function ${value.name}`
  if (typeof value === 'object') {
    const name = (value as { constructor?: { name?: string } }).constructor?.name
    return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`
  }
  const shown = inspect(value, { colors: false })
  return ` Received type ${typeof value} (${shown.length > 28 ? `${shown.slice(0, 25)}...` : shown})`
}

/** @param expected type names, class names and literal wordings, in that order */
function argTypeMessage(name: string, expected: string | readonly string[], actual: unknown): string {
  const types: string[] = []
  const instances: string[] = []
  const others: string[] = []
  for (const kind of typeof expected === 'string' ? [expected] : expected) {
    if (PRIMITIVES.has(kind)) types.push(kind.toLowerCase())
    else if (/^[A-Z][A-Za-z0-9]*$/.test(kind)) instances.push(kind)
    else others.push(kind)
  }
  // Next to a class, "object" is listed as another class.
  if (instances.length > 0 && types.includes('object')) {
    types.splice(types.indexOf('object'), 1)
    instances.push('Object')
  }
  const parts: string[] = []
  if (types.length > 0) parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${listOf(types)}`)
  if (instances.length > 0) parts.push(`an instance of ${listOf(instances)}`)
  if (others.length > 1) parts.push(`one of ${listOf(others)}`)
  else if (others.length === 1) parts.push(/^[A-Z]/.test(others[0]!) ? `an ${others[0]}` : others[0]!)
  return `The ${subject(name)} must be ${parts.join(' or ')}.${received(actual)}`
}

function subject(name: string): string {
  if (name.endsWith(' argument')) return name
  return `"${name}" ${name.includes('.') ? 'property' : 'argument'}`
}

function argValueMessage(name: string, value: unknown, reason = 'is invalid'): string {
  let shown = inspect(value)
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`
  return `The ${name.includes('.') ? 'property' : 'argument'} '${name}' ${reason}. Received ${shown}`
}

function outOfRangeMessage(name: string, range: string, actual: unknown): string {
  let shown: string
  if (Number.isInteger(actual) && Math.abs(actual as number) > 2 ** 32) shown = grouped(String(actual))
  else if (typeof actual === 'bigint')
    shown = `${actual > 2n ** 32n || actual < -(2n ** 32n) ? grouped(String(actual)) : String(actual)}n`
  else shown = inspect(actual)
  return `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(?:\d{3})+$)/g, '_')
}
