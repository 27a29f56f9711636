/** Functions and constants that requests and responses share. Follows `lib/_http_common.js` of Node 24. */
import {
  ERR_HTTP_INVALID_HEADER_VALUE,
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_CHAR,
  ERR_INVALID_HTTP_TOKEN,
} from './internal/errors.js'
import { methods } from './internal/bridge/native.js'
import { VALIDATION_INSECURE, VALIDATION_RELAXED, VALIDATION_STRICT } from './native/records.js'

/** Methods that the parser knows, sorted. Programs may change the list; the parser has its own. */
export const METHODS: string[] = methods()

/** Reason phrases by status code. Programs add their own. */
export const STATUS_CODES: Record<number, string | undefined> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  207: 'Multi-Status',
  208: 'Already Reported',
  226: 'IM Used',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  305: 'Use Proxy',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  418: "I'm a Teapot",
  421: 'Misdirected Request',
  422: 'Unprocessable Entity',
  423: 'Locked',
  424: 'Failed Dependency',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  506: 'Variant Also Negotiates',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
  509: 'Bandwidth Limit Exceeded',
  510: 'Not Extended',
  511: 'Network Authentication Required',
}

/** Finds a word in a list-valued field as Node does: between any other characters than those of a word. */
export const chunkExpression = /(?:^|\W)chunked(?:$|\W)/i
export const closeExpression = /(?:^|\W)close(?:$|\W)/i

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Whether the value is a token (RFC 9110 section 5.6.2). */
export function checkIsHttpToken(value: string): boolean {
  return TOKEN.test(value)
}

/** A character that is neither a tab nor printable ASCII. Few values have one. */
const NOT_PLAIN = /[^\t\x20-\x7e]/
/** A character that is not `field-vchar`, space or tab (RFC 9110 section 5.5). */
const NOT_STRICT = /[^\t\x20-\x7e\x80-\xff]/
/** A character that Fetch's "header value" does not allow: NUL, LF, CR, or one above 0xff. */
const NOT_LENIENT = /[\0\n\r]|[^\x00-\xff]/

/** `value` is ASCII text without control characters (tab apart). */
export const PLAIN = 0
/** `value` may be sent, but has characters above 0x7f, whose encoding depends on the rest of the message. */
export const OBS_TEXT = 1
/** `value` has characters that only lenient validation may allow. */
export const SUSPECT = 2

type ValueClass = typeof PLAIN | typeof OBS_TEXT | typeof SUSPECT

/** Up to this length a loop is quicker than a regular expression. */
const LOOP_LIMIT = 24

export function classifyValue(value: string): ValueClass {
  if (value.length <= LOOP_LIMIT) {
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7e || (code < 0x20 && code !== 9)) return NOT_STRICT.test(value) ? SUSPECT : OBS_TEXT
    }
    return PLAIN
  }
  if (!NOT_PLAIN.test(value)) return PLAIN
  return NOT_STRICT.test(value) ? SUSPECT : OBS_TEXT
}

/** Whether the value cannot be a field value. A value that is not a string is converted to one. */
export function checkInvalidHeaderChar(value: unknown, lenient = false): boolean {
  return (lenient ? NOT_LENIENT : NOT_STRICT).test(value as string)
}

/** @throws ERR_INVALID_HTTP_TOKEN */
export function validateHeaderName(name: unknown, label?: string): void {
  if (typeof name !== 'string' || !name || !checkIsHttpToken(name))
    throw ERR_INVALID_HTTP_TOKEN(label || 'Header name', name)
}

/** @throws ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_CHAR */
export function validateHeaderValue(name: string, value: unknown, lenient?: boolean): void {
  if (value === undefined) throw ERR_HTTP_INVALID_HEADER_VALUE(value, name)
  if (checkInvalidHeaderChar(value, lenient)) throw ERR_INVALID_CHAR('header content', name)
}

// In Node these functions are wrapped, so their length is 0.
for (const validate of [validateHeaderName, validateHeaderValue])
  Object.defineProperty(validate, 'length', { value: 0, configurable: true })

/** The values of `httpValidation`. It cannot be used together with `insecureHTTPParser`. */
const VALIDATIONS: Record<string, number> = {
  strict: VALIDATION_STRICT,
  relaxed: VALIDATION_RELAXED,
  insecure: VALIDATION_INSECURE,
}

/** @throws ERR_INVALID_ARG_VALUE */
export function checkHttpValidation(httpValidation: unknown, insecureHTTPParser: unknown): void {
  if (httpValidation === undefined) return
  const names = Object.keys(VALIDATIONS)
  if (!names.includes(httpValidation as string)) {
    const list = names.map((name) => `'${name}'`).join(', ')
    throw ERR_INVALID_ARG_VALUE('options.httpValidation', httpValidation, `must be one of: ${list}`)
  }
  if (insecureHTTPParser !== undefined) {
    const reason = 'cannot be used together with options.insecureHTTPParser'
    throw ERR_INVALID_ARG_VALUE('options.httpValidation', httpValidation, reason)
  }
}

/** How strictly the messages of a server, or the response to a request, are parsed. */
export function validationOf(owner: {
  httpValidation?: string | undefined
  insecureHTTPParser?: boolean | undefined
}): number {
  const { httpValidation } = owner
  if (httpValidation !== undefined && Object.hasOwn(VALIDATIONS, httpValidation)) return VALIDATIONS[httpValidation]!
  return (owner.insecureHTTPParser ?? isLenient()) ? VALIDATION_INSECURE : VALIDATION_STRICT
}

let insecureFlag: boolean | null = null

/** Whether the process runs with `--insecure-http-parser`. If so, it warns once, as Node does. */
export function isLenient(): boolean {
  if (insecureFlag === null) {
    const options = process.env.NODE_OPTIONS ?? ''
    insecureFlag =
      process.execArgv.includes('--insecure-http-parser') || /(?:^|\s)--insecure-http-parser(?:\s|$)/.test(options)
    if (insecureFlag) process.emitWarning('Using insecure HTTP parsing')
  }
  return insecureFlag
}
