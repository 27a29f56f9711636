'use strict'
// Callbacks whose number of calls is part of what is tested.

/**
 * Wraps `fn`. The test fails at its end unless it was called exactly `times` times; `await wrapped.called` waits until it was.
 * @param t ava's execution context
 */
function mustCall(t, fn = () => {}, times = 1) {
  const from = callSite(mustCall)
  let count = 0
  let reached
  const called = new Promise((resolve) => {
    reached = resolve
  })
  function wrapped(...args) {
    count += 1
    if (count === times) reached()
    if (count > times) t.fail(`called ${count} times instead of ${times}, wrapped ${from}`)
    return fn.apply(this, args)
  }
  t.teardown(() => {
    if (count < times) throw new Error(`called ${count} times instead of ${times}, wrapped ${from}`)
  })
  return Object.assign(wrapped, { called })
}

/** A callback that fails the test when it is called at all; `reason` says what that would mean. */
function mustNotCall(t, reason = 'must not be called') {
  const from = callSite(mustNotCall)
  return (...args) => t.fail(`${reason} (arguments: ${args.map(String).join(', ') || 'none'}), made ${from}`)
}

function callSite(below) {
  const place = {}
  Error.captureStackTrace(place, below)
  return place.stack.split('\n')[1]?.trim() ?? 'at an unknown place'
}

module.exports = { mustCall, mustNotCall }
