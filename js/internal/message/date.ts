/** The `Date` field value (RFC 9110 section 5.6.7), made once a second. */
import { Date, setTimeout } from '../timers.js'

let text = ''

/**
 * A timer discards the text when the second ends. Reading the clock for every response would cost 4 % of a short one. As in Node,
 * the date is late while the event loop is blocked.
 */
export function utcDate(): string {
  if (text === '') {
    const now = new Date()
    text = now.toUTCString()
    setTimeout(forget, 1000 - now.getMilliseconds()).unref()
  }
  return text
}

function forget(): void {
  text = ''
}
