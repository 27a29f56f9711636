-- Driven by environment variables, because wrk reads its script before its arguments:
-- BENCH_METHOD, BENCH_BODY_BYTES, BENCH_PIPELINE. The last line printed is the result as JSON.

wrk.method = os.getenv("BENCH_METHOD") or "GET"

local bytes = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")
if bytes > 0 then wrk.body = string.rep("x", bytes) end

-- Without a global request() wrk sends one prepared string and never enters Lua.
local depth = tonumber(os.getenv("BENCH_PIPELINE") or "1")
if depth > 1 then
  local batch
  function init(args) batch = string.rep(wrk.format(), depth) end
  function request() return batch end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
