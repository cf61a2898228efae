-- Signed orders from the file named by BODIES, one form body a line; what came of them goes to stdout as JSON.
local requests, number = {}, 0

function init(args)
   local headers = { ["X-MBX-APIKEY"] = "key", ["Content-Type"] = "application/x-www-form-urlencoded" }
   for line in io.lines(os.getenv("BODIES")) do
      requests[#requests + 1] = wrk.format("POST", "/api/v3/order", headers, line)
   end
end

function request()
   number = number % #requests + 1
   return requests[number]
end

function done(summary, latency, _)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format('\n{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}\n',
      summary.requests, summary.duration / 1e6, failed,
      latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
