/**
 * The chunked coding (RFC 9112 section 7.1) of messages that JavaScript frames: those over streams that are not ours, and those that
 * wait in `outputData`. The engine frames all others.
 */

/** The end of a size line, and of a chunk's data. */
export const CRLF = Buffer.from('\r\n')

/** The size line of a chunk of `length` bytes, without its line end, which Node writes separately. */
export function sizeLine(length: number): string {
  return length.toString(16)
}

/** The last chunk. @param trailers field lines, each ending in CRLF; '' for none */
export function lastChunk(trailers: string): string {
  return `0\r\n${trailers}\r\n`
}

/** Bytes of the line ends after the size line and after the data. */
const LINE_ENDS = 2 * CRLF.length

/** Number of bytes that the coding adds to a chunk of `length` bytes. */
export function framingLength(length: number): number {
  return sizeLine(length).length + LINE_ENDS
}
