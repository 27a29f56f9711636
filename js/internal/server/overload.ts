/** The option `overload` of a server, which I/O threads carry out (`crates/net/src/server/overload.rs`). */
import type { OverloadOptions } from '../../types.js'
import { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } from '../errors.js'
import type { BindingOverload } from '../bridge/native.js'
import { validateInteger, validateNumber, validateObject, validateString } from '../validators.js'

const MAX_QUEUE_DELAY = 50
const INTERVAL = 100
const MAX_PENDING = 2 ** 32 - 1

/**
 * @returns null without the option
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function overloadOf(options: OverloadOptions | undefined): BindingOverload | null {
  if (options === undefined) return null
  validateObject(options, 'options.overload')
  const { maxPending, interval = INTERVAL, retryAfter = 1, exempt = [] } = options
  const { maxQueueDelay = maxPending === undefined ? MAX_QUEUE_DELAY : undefined } = options
  if (maxQueueDelay !== undefined) validateNumber(maxQueueDelay, 'options.overload.maxQueueDelay', 0)
  if (maxPending !== undefined) validateInteger(maxPending, 'options.overload.maxPending', 0, MAX_PENDING)
  validateNumber(interval, 'options.overload.interval', 0)
  validateInteger(retryAfter, 'options.overload.retryAfter', 0, MAX_PENDING)
  if (!Array.isArray(exempt)) throw ERR_INVALID_ARG_TYPE('options.overload.exempt', 'Array', exempt)
  for (const [index, path] of exempt.entries()) {
    const name = `options.overload.exempt[${index}]`
    validateString(path, name)
    if (!path.startsWith('/')) throw ERR_INVALID_ARG_VALUE(name, path, 'must begin with /')
    if (path.slice(0, -1).includes('*')) throw ERR_INVALID_ARG_VALUE(name, path, 'must have * at its end only')
  }
  return { maxQueueDelay, maxPending, interval, retryAfter, exempt }
}
