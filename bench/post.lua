-- What wrk sends, and how it tells what came of it: one line that generator.ts reads. BENCH_BODY names the file of the body.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.body = file:read("*a")
file:close()

function done(summary, latency)
  local failures = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.errors.status, failures, latency:percentile(50), latency:percentile(99)))
end
