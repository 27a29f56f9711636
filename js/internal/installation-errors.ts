/** Errors that prevent ferrohttp from being loaded or put in place. `addon/load-error.ts` makes the messages. */
import { CodedTypeError, define, PlainError } from './coded-error.js'

const whole = (message: string): string => message
/** npm has left out the package of this platform. */
export const ERR_FERROHTTP_ADDON_MISSING = define('ERR_FERROHTTP_ADDON_MISSING', PlainError, whole)
/** The addon's file is truncated, or not an addon. */
export const ERR_FERROHTTP_ADDON_DAMAGED = define('ERR_FERROHTTP_ADDON_DAMAGED', PlainError, whole)
/** The system refuses to load the addon for a reason that has no code of its own. */
export const ERR_FERROHTTP_ADDON_UNLOADABLE = define('ERR_FERROHTTP_ADDON_UNLOADABLE', PlainError, whole)
/** A bundler has made ferrohttp part of a program's file. */
export const ERR_FERROHTTP_BUNDLED = define('ERR_FERROHTTP_BUNDLED', PlainError, whole)
/** An environment variable of ferrohttp has a value that makes no sense. */
export const ERR_FERROHTTP_INVALID_VARIABLE = define(
  'ERR_FERROHTTP_INVALID_VARIABLE',
  CodedTypeError,
  (name: string, expected: string, value: string) =>
    `The environment variable ${name} must be ${expected}. Received '${value}'`,
)
/** The addon that is installed is for another C library, or for a newer one. */
export const ERR_FERROHTTP_LIBC = define('ERR_FERROHTTP_LIBC', PlainError, whole)
/** The packages were installed for another platform, or by a lock file of another one. */
export const ERR_FERROHTTP_OTHER_PLATFORM = define('ERR_FERROHTTP_OTHER_PLATFORM', PlainError, whole)
/** Options of Node forbid addons, or reading this one. */
export const ERR_FERROHTTP_PERMISSION = define('ERR_FERROHTTP_PERMISSION', PlainError, whole)
/** No addon is built for this platform. */
export const ERR_FERROHTTP_UNSUPPORTED_PLATFORM = define('ERR_FERROHTTP_UNSUPPORTED_PLATFORM', PlainError, whole)
/** Bun, Deno, or a Node.js that is too old. */
export const ERR_FERROHTTP_UNSUPPORTED_RUNTIME = define('ERR_FERROHTTP_UNSUPPORTED_RUNTIME', PlainError, whole)
/** Addon and JavaScript are of different versions. */
export const ERR_FERROHTTP_VERSION = define('ERR_FERROHTTP_VERSION', PlainError, whole)
