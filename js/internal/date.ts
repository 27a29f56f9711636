/** The `Date` field value (RFC 9110 section 5.6.7), made once a second. */
let text = ''
let validFrom = 0
let validUntil = 0

export function utcDate(): string {
  const now = Date.now()
  // A clock that was set back makes `now` smaller than the second the text was made for.
  if (now >= validUntil || now < validFrom) {
    text = new Date(now).toUTCString()
    validFrom = now - (now % 1000)
    validUntil = validFrom + 1000
  }
  return text
}
