// The output of a session.
import { name } from './compare.mjs'

/**
 * @param {import('./session.mjs').Finding} finding
 * @param {number} seed
 * @returns {string} Markdown
 */
export function describe({ input, smallest, road, whole, difference, reference, own }, seed) {
  const { role, lenient, profile, asks } = input
  const cuts = smallest.cuts.length > 0 ? `, cut at ${smallest.cuts.join(', ')}` : ''
  const lines = [
    `### ${role}, ${lenient ? 'lenient' : 'strict'}: ${name(difference)}`,
    '',
    `${road} road, ${whole ? 'whole' : 'in pieces'}, program \`${profile}\`${asks ? `, asks \`${asks}\`` : ''}; \`--seed ${seed} --only ${input.index}\``,
    '',
    '```js',
    `${literal(smallest.text)}${cuts}`,
    '```',
    '',
  ]
  for (const [label, { open, ended }] of [
    ['node:http', reference],
    ['ferrohttp', own],
  ]) {
    lines.push(`- ${label}: ${outcome(open)}`)
    if (outcome(ended) !== outcome(open)) lines.push(`  - after the end: ${outcome(ended)}`)
  }
  return lines.join('\n') + '\n'
}

function outcome({ messages, errors, detail, output, closed, kept }) {
  const parts = messages.map(({ event, start, headers, body, trailers, complete, end }) => {
    const tail = [
      body && `body ${literal(body)}`,
      trailers.length > 0 && `trailers ${JSON.stringify(trailers)}`,
      complete ? 'complete' : 'incomplete',
      end,
    ]
    return `${event} ${JSON.stringify(start)} ${JSON.stringify(headers)} ${tail.filter(Boolean).join(' ')}`
  })
  if (errors.length > 0) parts.push(detail === '' ? errors[0] : `${errors[0]} at ${literal(detail)}`)
  if (output !== '') parts.push(`answered ${literal(output)}`)
  parts.push(closed ? 'closed' : kept ? 'kept' : 'open')
  return parts.join('; ')
}

function literal(text) {
  return JSON.stringify(text).replaceAll(/[\x7f-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)
}

/**
 * @param {import('./session.mjs').Session} session
 * @param {number} seconds
 * @returns {string} one line
 */
export function counts({ inputs, messages, counts, rows, unstable }, seconds) {
  const parts = Object.entries(counts).map(([key, count]) => `${key} ${count}`)
  const rate = Math.round(messages / seconds)
  return `${messages} messages of ${inputs} inputs in ${seconds.toFixed(1)} s (${rate}/s): ${parts.sort().join(', ')}; ${sum(rows)} listed differences, ${sum(unstable)} did not come again`
}

/**
 * @param {import('./session.mjs').Session} session
 * @returns {string} how often each row of COMPATIBILITY.md was found, and the differences that did not occur again
 */
export function tables({ rows, unstable }) {
  const lines = [...Object.entries(rows), ...Object.entries(unstable).map(([key, count]) => [`once: ${key}`, count])]
  return lines.map(([text, count]) => `${count} × ${text}`).join('\n')
}

function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
