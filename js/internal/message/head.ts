/**
 * The pieces of an outgoing head, and their caches: field names are validated, lower-cased and classified once, and status lines
 * and the Date and Keep-Alive lines are kept.
 */
import {
  validateHeaderName,
  classifyValue,
  checkInvalidHeaderChar,
  OBS_TEXT,
  PLAIN,
  SUSPECT,
  STATUS_CODES,
} from '../../common.js'
import { ERR_INVALID_CHAR } from '../errors.js'
import { utcDate } from './date.js'

/** Fields that decide about framing and the connection. Each is a bit in the set of fields that a head has. */
export const CONNECTION = 1
export const CONTENT_LENGTH = 2
export const TRANSFER_ENCODING = 4
export const DATE = 8
export const EXPECT = 16
export const TRAILER = 32
export const KEEP_ALIVE = 64
/** Not in that set, but rendered by rules of their own. */
export const COOKIE = 128
export const CONTENT_DISPOSITION = 256

const ROLES: Record<string, number | undefined> = {
  __proto__: null as never,
  connection: CONNECTION,
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  date: DATE,
  expect: EXPECT,
  trailer: TRAILER,
  'keep-alive': KEEP_ALIVE,
  cookie: COOKIE,
  'content-disposition': CONTENT_DISPOSITION,
}

/** The properties of a field name, by its spelling. */
export interface FieldName {
  readonly name: string
  readonly lower: string
  /** `name: ` */
  readonly prefix: string
  /** One of the constants above, or 0. */
  readonly role: number
  /** The last value that was sent, if it was short: plain text or a number. Null before. */
  lastValue: string | number | null
  /** The line for `lastValue`. */
  lastLine: string
  /** Whether `lastLine` is one flat string, rather than three joined ones. */
  flat: boolean
}

/**
 * The same text as one flat string. A concatenated string is a tree of its parts, which is walked each time that a head is
 * written, so a string that is kept is copied once.
 */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** Longer lines are not kept, because their values seldom repeat. */
const KEPT_LINE = 96

/** The line of a valid value. Most programs repeat the values of most fields. */
export function fieldLine(field: FieldName, value: string | number): string {
  if (field.lastValue === value) {
    if (!field.flat) {
      field.lastLine = flat(field.lastLine)
      field.flat = true
    }
    return field.lastLine
  }
  const line = `${field.prefix}${value}\r\n`
  if (line.length <= KEPT_LINE && (typeof value === 'number' || classifyValue(value) === PLAIN)) {
    field.lastValue = value
    field.lastLine = line
    field.flat = false
  }
  return line
}

/** Field names and their values in turn. */
export type FieldList = unknown[]

/** Largest size of the table. Programs use few names, and one that generates them must not make it grow without a limit. */
const NAME_LIMIT = 512
const names = new Map<string, FieldName>()

/** @throws ERR_INVALID_HTTP_TOKEN */
export function fieldName(name: string): FieldName {
  return names.get(name) ?? newFieldName(name)
}

function newFieldName(given: string): FieldName {
  validateHeaderName(given)
  // A name that is a slice of a larger string would keep that string alive.
  const name = names.size < NAME_LIMIT ? flat(given) : given
  const lower = name.toLowerCase()
  const role = ROLES[lower] ?? 0
  const field: FieldName = { name, lower, prefix: flat(`${name}: `), role, lastValue: null, lastLine: '', flat: false }
  if (names.size < NAME_LIMIT) names.set(name, field)
  return field
}

/** The lower-case form of any string, a valid name or not. */
export function lowerName(name: string): string {
  const field = names.get(name)
  return field === undefined ? name.toLowerCase() : field.lower
}

/** @returns the index of the name in `list`, or -1 */
export function findField(list: FieldList, lower: string): number {
  for (let i = 0; i < list.length; i += 2) {
    if ((list[i] as FieldName).lower === lower) return i
  }
  return -1
}

/** Adds a field, or replaces its name and value in place. */
export function putField(list: FieldList, field: FieldName, value: unknown): void {
  const { lower } = field
  for (let i = 0; i < list.length; i += 2) {
    const other = list[i] as FieldName
    if (other === field || other.lower === lower) {
      list[i] = field
      list[i + 1] = value
      return
    }
  }
  list.push(field, value)
}

/** The text of any value. A Symbol throws, as in Node. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : `${value as string}`
}

const statusLines: (string | undefined)[] = []
const statusMessages: string[] = []

/**
 * The status line: the cached one if its phrase is `message`, otherwise a new one, which is kept if the phrase is the code's own.
 * @throws ERR_INVALID_CHAR
 */
export function statusLine(code: number, message: string): string {
  const line = statusLines[code]
  return line !== undefined && statusMessages[code] === message ? line : newStatusLine(code, message)
}

function newStatusLine(code: number, message: string): string {
  if (checkInvalidHeaderChar(message)) throw ERR_INVALID_CHAR('statusMessage')
  const line = `HTTP/1.1 ${code} ${message}\r\n`
  if (STATUS_CODES[code] === message && classifyValue(message) === 0) {
    statusLines[code] = flat(line)
    statusMessages[code] = message
  }
  return line
}

/** Whether the text has characters above 0x7f, valid or not. */
export function hasObsText(text: string): boolean {
  const kind = classifyValue(text)
  return kind === OBS_TEXT || kind === SUSPECT
}

let dateText = ''
let dateLineText = ''

export function dateLine(): string {
  const date = utcDate()
  if (date !== dateText) {
    dateText = date
    dateLineText = flat(`Date: ${date}\r\n`)
    persistentFor = -1
  }
  return dateLineText
}

/** @param timeout in milliseconds; @param max requests of a connection, 0 for no limit */
export function keepAliveLine(timeout: number, max: number): string {
  return `Keep-Alive: timeout=${Math.floor(timeout / 1000)}${~~max > 0 ? `, max=${max}` : ''}\r\n`
}

let persistentLines = ''
let persistentFor = -1
let persistentMax: number | undefined

/**
 * Date, `Connection: keep-alive` and Keep-Alive: the lines that nearly every response has, as one string.
 * @param timeout in milliseconds, above 0
 */
export function persistentResponseLines(timeout: number, max: number): string {
  const date = dateLine()
  if (persistentFor !== timeout || persistentMax !== max) {
    persistentLines = flat(`${date}Connection: keep-alive\r\n${keepAliveLine(timeout, max)}`)
    persistentFor = timeout
    persistentMax = max
  }
  return persistentLines
}

const lengthLines: (string | undefined)[] = []
const LENGTH_LINES = 4096

/** The last line of a head with a length, and the empty line. */
export function lastLengthLine(length: number): string {
  if (length >= LENGTH_LINES) return `Content-Length: ${length}\r\n\r\n`
  return (lengthLines[length] ??= flat(`Content-Length: ${length}\r\n\r\n`))
}
