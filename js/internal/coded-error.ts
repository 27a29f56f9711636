/**
 * Errors in Node's shape. The stack of such an error opens with `TypeError [ERR_…]: message` while `name` stays `TypeError`,
 * `code` is an own enumerable property, and `toString()` shows the code too.
 */

export interface NodeError extends Error {
  code: string
}

type ErrorBase = new (message: string) => Error

/** The bases differ from the built-ins only in `toString`; `constructor` and `name` are the built-in's. */
function withCode(Base: ErrorBase): ErrorBase {
  class CodedError extends Base {}
  Object.defineProperties(CodedError.prototype, {
    constructor: { value: Base, writable: true, configurable: true },
    toString: {
      value: function toString(this: NodeError): string {
        return `${this.name} [${this.code}]: ${this.message}`
      },
      writable: true,
      configurable: true,
    },
  })
  return CodedError
}

export const PlainError = withCode(Error)
export const CodedTypeError = withCode(TypeError)
export const CodedRangeError = withCode(RangeError)

/** Declares a code. The result makes the error; its stack starts at the function that called the maker. */
export function define<Args extends unknown[]>(
  code: string,
  Base: ErrorBase,
  message: (...args: Args) => string,
): (...args: Args) => NodeError {
  function make(...args: Args): NodeError {
    const error = new Base(message(...args)) as NodeError
    // V8 makes the stack's first line from `name` when `stack` is first read, so the code is in `name` until then.
    Object.defineProperty(error, 'name', { value: `${error.name} [${code}]`, writable: true, configurable: true })
    Error.captureStackTrace(error, make)
    void error.stack
    delete (error as Partial<NodeError>).name
    error.code = code
    return error
  }
  return make
}
