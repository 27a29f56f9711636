// Changes to a text that the grammars do not make: single bytes, line ends, whole lines, lengths.

const BYTES = '\0\x01\t\n\x0b\r !"#$%&\'()*+,-./0159:;<=>?@AFZ[\\]_aefz{|}~\x7f\x80\xa0\xff'
const LINE_ENDS = ['\r\n', '\n', '\r', '\r\r\n', '\n\n', '\r\n\r\n', '\n\r', '', ' \r\n', '\r\n ', '\r\n\t', '\t\r\n']

/** @type {((text: string, random: import('./random.mjs').Random) => string)[]} */
const MUTATIONS = [
  function replaceByte(text, random) {
    const at = random.below(text.length)
    return text.slice(0, at) + random.pick(BYTES) + text.slice(at + 1)
  },
  function insertByte(text, random) {
    const at = random.below(text.length + 1)
    return text.slice(0, at) + random.pick(BYTES) + text.slice(at)
  },
  function deleteByte(text, random) {
    const at = random.below(text.length)
    return text.slice(0, at) + text.slice(at + 1)
  },
  function repeatByte(text, random) {
    const at = random.below(text.length)
    return text.slice(0, at) + text[at].repeat(1 + random.below(3)) + text.slice(at)
  },
  function changeLineEnd(text, random) {
    const at = from(text, '\n', random)
    if (at < 0) return text
    const start = text[at - 1] === '\r' ? at - 1 : at
    return text.slice(0, start) + random.pick(LINE_ENDS) + text.slice(at + 1)
  },
  function changeEveryLineEnd(text, random) {
    return text.replaceAll('\r\n', random.pick(['\n', '\r', '\r\r\n', ' \r\n']))
  },
  function duplicateLine(text, random) {
    const [start, end] = line(text, random)
    return text.slice(0, end) + text.slice(start, end) + text.slice(end)
  },
  function deleteLine(text, random) {
    const [start, end] = line(text, random)
    return text.slice(0, start) + text.slice(end)
  },
  function moveLine(text, random) {
    const [start, end] = line(text, random)
    const rest = text.slice(0, start) + text.slice(end)
    const [to] = line(rest, random)
    return rest.slice(0, to) + text.slice(start, end) + rest.slice(to)
  },
  function splitLine(text, random) {
    const at = random.below(text.length)
    return text.slice(0, at) + random.pick(['\r\n', '\r\n ', '\r\n\t', '\n']) + text.slice(at)
  },
  function changeNumber(text, random) {
    const at = from(text, random.pick('0123456789'), random)
    return at < 0 ? text : text.slice(0, at) + random.pick('0123456789af') + text.slice(at + 1)
  },
  function changeAroundColon(text, random) {
    const at = from(text, ':', random)
    if (at < 0) return text
    return text.slice(0, at) + random.pick([' :', '\t:', '', '::', ':\t', ':\r\n ', ':\0', ':\n']) + text.slice(at + 1)
  },
  function swapCase(text, random) {
    const at = random.below(text.length)
    const letter = text[at]
    return (
      text.slice(0, at) + (letter > 'Z' ? letter.toUpperCase() : letter.toLowerCase()).slice(0, 1) + text.slice(at + 1)
    )
  },
  function truncate(text, random) {
    return text.slice(0, random.below(text.length))
  },
  function copySlice(text, random) {
    const start = random.below(text.length)
    const slice = text.slice(start, start + 1 + random.below(24))
    const at = random.below(text.length)
    return text.slice(0, at) + slice + text.slice(at)
  },
]

/**
 * @param {string} text
 * @param {import('./random.mjs').Random} random
 * @returns {string} the text, changed in one to three places or, almost as often, not at all
 */
export function mutate(text, random) {
  if (random.chance(45)) return text
  let changed = text
  for (let n = 1 + (random.chance(25) ? random.below(3) : 0); n > 0 && changed.length > 0; n--) {
    changed = latin1(random.pick(MUTATIONS)(changed, random))
  }
  return changed
}

/** Replaces characters beyond latin1, which a change of case may make. */
function latin1(text) {
  return text.replaceAll(/[^\0-\xff]/g, '?')
}

/** The position of one of the occurrences of a character, or -1. */
function from(text, character, random) {
  const at = text.indexOf(character, random.below(text.length))
  return at < 0 ? text.indexOf(character) : at
}

/** Start and end of one of the lines. */
function line(text, random) {
  const at = random.below(text.length + 1)
  const start = text.lastIndexOf('\n', at - 1) + 1
  const end = text.indexOf('\n', at)
  return [at === 0 ? 0 : start, end < 0 ? text.length : end + 1]
}
