/** Checks of public arguments. Each throws with Node's code and message. */
import { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE } from './errors.js'

/** @throws ERR_INVALID_ARG_TYPE */
export function validateString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw ERR_INVALID_ARG_TYPE(name, 'string', value)
}

/** @throws ERR_INVALID_ARG_TYPE */
export function validateBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw ERR_INVALID_ARG_TYPE(name, 'boolean', value)
}

/** @throws ERR_INVALID_ARG_TYPE */
export function validateFunction(value: unknown, name: string): asserts value is (...args: never[]) => unknown {
  if (typeof value !== 'function') throw ERR_INVALID_ARG_TYPE(name, 'Function', value)
}

/**
 * Checks an options object: neither null nor an array nor a function.
 * @throws ERR_INVALID_ARG_TYPE
 */
export function validateObject(value: unknown, name: string): asserts value is Record<string, unknown> {
  if (value === null || Array.isArray(value) || typeof value !== 'object')
    throw ERR_INVALID_ARG_TYPE(name, 'Object', value)
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function validateInteger(
  value: unknown,
  name: string,
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw ERR_INVALID_ARG_TYPE(name, 'number', value)
  if (!Number.isInteger(value)) throw ERR_OUT_OF_RANGE(name, 'an integer', value)
  if (value < min || value > max) throw ERR_OUT_OF_RANGE(name, `>= ${min} && <= ${max}`, value)
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function validateNumber(value: unknown, name: string, min?: number): asserts value is number {
  if (typeof value !== 'number') throw ERR_INVALID_ARG_TYPE(name, 'number', value)
  if (min !== undefined && !(value >= min)) throw ERR_OUT_OF_RANGE(name, `>= ${min}`, value)
}

/** @throws ERR_INVALID_ARG_TYPE */
export function validateAbortSignal(value: unknown, name: string): asserts value is AbortSignal {
  if (value === null || typeof value !== 'object' || !('aborted' in value))
    throw ERR_INVALID_ARG_TYPE(name, 'AbortSignal', value)
}

/** `<target>` and parameters, bare or quoted (RFC 8288 section 3). No part can match in two ways, so matching takes linear time. */
const LINK = /^<[^>\r\n]*>(?:\s*;\s*[^;"\s=]+(?:=(?:"[^;"\s]*"|[^;"\s]*))?)*$/
const LINK_REASON = 'must be an array or string of format "</styles.css>; rel=preload; as=style"'

/**
 * Returns the `link` of `writeEarlyHints`, one link or several, as one field value; '' for an empty array.
 * @throws ERR_INVALID_ARG_VALUE
 */
export function validateLinkHeaderValue(hints: unknown): string {
  const links = Array.isArray(hints) ? hints : [hints]
  for (const link of links) {
    if (typeof link !== 'string' || !LINK.test(link)) throw ERR_INVALID_ARG_VALUE('hints', link, LINK_REASON)
  }
  return links.join(', ')
}
