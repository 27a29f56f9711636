-- Driven by environment variables, because wrk reads its script before its arguments:
-- BENCH_METHOD, BENCH_BODY_BYTES, BENCH_PIPELINE, and BENCH_REQUESTS, a request a line, which are sent in turn. The last line printed is the result as JSON.

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

-- Method, path and cookie, separated by tabs.
local lines = os.getenv("BENCH_REQUESTS") or ""
if lines ~= "" then
  local requests, last = {}, 0
  function init(args)
    for method, path, cookie in string.gmatch(lines, "([^\t\n]*)\t([^\t\n]*)\t([^\t\n]*)") do
      local headers = {}
      for name, value in pairs(wrk.headers) do headers[name] = value end
      if cookie ~= "" then headers["Cookie"] = cookie end
      requests[#requests + 1] = wrk.format(method, path, headers)
    end
  end
  function request()
    last = last % #requests + 1
    return requests[last]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
