// Counts the results in the output of test runners. A counter's `take` returns whether the line should be shown: results of tests
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

/**
 * ava's own report, a line for each test as it ends. Skipped tests count as neither. Its TAP report is not used, because it
 * crashes on a test that did not end, and does not name it.
 */
export function javascriptCounter() {
  let passed = 0
  let failed = 0
  return {
    take(line) {
      if (/^ *- \[(skip|todo)\] /.test(line)) return false
      if (/^ *[✔√] /.test(line)) {
        passed += 1
        return false
      }
      if (/^ *[✘×] \[/.test(line)) failed += 1
      return line.trim() !== ''
    },
    counts: () => ({ passed, failed }),
  }
}
