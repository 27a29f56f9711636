// What the test runners say, counted. A counter's `take` answers whether the line is worth showing: results of tests
// that passed are not.

/** cargo-nextest: one summary line, `Summary [ 0.1s] 9 tests run: 8 passed (1 slow), 1 failed, 2 skipped`. */
export function nextestCounter() {
  let passed = 0
  let failed = 0
  return {
    take(line) {
      const summary = /^\s*Summary \[.*\]\s+(\d+)(?:\/\d+)? tests? run:\s+(?:(\d+) passed)?/.exec(line)
      if (summary) {
        passed = Number(summary[2] ?? 0)
        failed = Number(summary[1]) - passed
      }
      return line.trim() !== ''
    },
    counts: () => ({ passed, failed }),
  }
}

/** `cargo test`: one result line for each binary, `test result: ok. 3 passed; 0 failed; 0 ignored; …`. */
export function libtestCounter() {
  let passed = 0
  let failed = 0
  return {
    take(line) {
      const result = /^test result: \w+\. (\d+) passed; (\d+) failed;/.exec(line)
      if (result) {
        passed += Number(result[1])
        failed += Number(result[2])
        return failed > 0
      }
      return !/^(running \d+ tests?|[.i]+( \d+\/\d+)?|)$/.test(line)
    },
    counts: () => ({ passed, failed }),
  }
}

/** TAP as ava writes it. Skipped tests count as neither. */
export function javascriptCounter() {
  let passed = 0
  let failed = 0
  let shown = true
  return {
    take(line) {
      const result = /^(not )?ok\b(.*)$/.exec(line)
      if (result) {
        const [, bad, title] = result
        const skipped = /\s# (SKIP|TODO)\b/.test(title)
        if (!skipped && bad) failed += 1
        if (!skipped && !bad) passed += 1
        shown = Boolean(bad) && !skipped
        return shown
      }
      if (/^(TAP version|1\.\.\d|# )/.test(line)) return false
      // The block below a result (assertion, logs) belongs to it; anything at the margin is the tests' own output.
      return /^\s/.test(line) ? shown : line !== ''
    },
    counts: () => ({ passed, failed }),
  }
}
