'use strict'
// Transcripts: observations in their order, in a form that can be compared.

/**
 * Logs the named events of an emitter as they happen, as `[label + event, ...arguments]`. It listens, so name only
 * events for which listening changes nothing that the test is about ('data' makes a stream flow, 'error' handles it).
 * @param {import('node:events').EventEmitter} emitter
 * @param {string[]} events
 * @param {(...entry: unknown[]) => void} log
 */
function record(emitter, events, log, label = '') {
  for (const event of events) emitter.on(event, (...args) => log(label + event, ...args))
  return emitter
}

/** A log: a function that appends one entry of plain values, and the entries. */
function transcript() {
  const entries = []
  const log = (...values) => {
    entries.push(values.map(plain))
  }
  return { entries, log }
}

/** Bytes become latin1 strings, errors their name, code and message, other objects of a class the name of the class. */
function plain(value) {
  if (value === undefined) return '<undefined>'
  if (typeof value === 'function') return '<function>'
  if (typeof value === 'bigint' || typeof value === 'symbol') return `<${typeof value} ${String(value)}>`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (value instanceof Error) return { error: value.name, code: plain(value.code), message: value.message }
  if (Array.isArray(value)) return value.map(plain)
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return `<${value.constructor.name}>`
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plain(held)]))
}

/**
 * Removes from plain entries the parts that may differ between two runs: dates in header form, and the given port numbers, where
 * a port can be distinguished from another number (after a colon, under a key that ends in `port`, or as an entry's own value).
 */
function normalise(entries, ports) {
  const text = (value) =>
    value
      .replace(/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g, '<date>')
      .replace(/:(\d+)\b/g, (whole, port) => (ports.has(Number(port)) ? ':<port>' : whole))
  const walk = (value, key = '') => {
    if (typeof value === 'string') return text(value)
    if (typeof value === 'number') return /port$/i.test(key) && ports.has(value) ? '<port>' : value
    if (Array.isArray(value)) return value.map((held) => walk(held))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, held]) => [text(name), walk(held, name)]))
  }
  return entries.map((entry) => walk(entry))
}

module.exports = { normalise, plain, record, transcript }
