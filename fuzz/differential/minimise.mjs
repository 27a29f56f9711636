// Delta debugging: finds a shorter input with the same difference.

/**
 * @param {import('./inputs.mjs').Input} input
 * @param {(candidates: import('./inputs.mjs').Input[]) => Promise<boolean[]>} shows whether each candidate has the difference
 * @returns {Promise<import('./inputs.mjs').Input>} an input of which no byte and no cut can be removed
 */
export async function minimise(input, shows) {
  let smallest = await withoutCuts(input, shows)
  for (let size = smallest.text.length >> 1; size >= 1; ) {
    const candidates = []
    for (let start = 0; start < smallest.text.length; start += size)
      candidates.push(without(smallest, start, start + size))
    const next = await first(candidates, shows)
    if (next !== null) smallest = next
    // Passes over single bytes are repeated until none of them can be removed.
    else size >>= 1
  }
  smallest = await withoutCuts(smallest, shows)
  return plainer(smallest, shows)
}

async function first(candidates, shows) {
  const usable = candidates.filter(({ text }) => text.length > 0)
  const results = usable.length === 0 ? [] : await shows(usable)
  const found = results.indexOf(true)
  return found < 0 ? null : usable[found]
}

/** Removes a slice, and moves the cuts after it. */
function without(input, start, end) {
  const length = Math.min(end, input.text.length) - start
  const cuts = input.cuts.map((cut) => (cut <= start ? cut : Math.max(start, cut - length)))
  const text = input.text.slice(0, start) + input.text.slice(end)
  return { ...input, text, cuts: [...new Set(cuts)].filter((cut) => cut > 0 && cut < text.length) }
}

async function withoutCuts(input, shows) {
  let smallest = input
  for (;;) {
    const candidates = smallest.cuts.map((cut) => ({
      ...smallest,
      cuts: smallest.cuts.filter((other) => other !== cut),
    }))
    const next = await first(candidates, shows)
    if (next === null) return smallest
    smallest = next
  }
}

/** Replaces bytes by an ordinary letter where the difference remains, so that inputs of one kind look alike. */
async function plainer(input, shows) {
  let plainest = input
  for (let at = 0; at < input.text.length; at++) {
    if ('aG /1.HTP\r\n:'.includes(input.text[at])) continue
    const candidate = { ...plainest, text: plainest.text.slice(0, at) + 'a' + plainest.text.slice(at + 1) }
    plainest = (await first([candidate], shows)) ?? plainest
  }
  return plainest
}
