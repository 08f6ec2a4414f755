-- wrk -t2 -c32 -d20s -s docs/load/wrk.lua http://127.0.0.1:8000/SalienceScorer
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"features":[{"task_risk":0.9,"failure_severity":0.8}]}'

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  failed = 0
end

-- A deployment says in the body, too, that it has refused a request.
function response(status, headers, body)
  if status ~= 200 or not body:find('"status":"success"', 1, true) then
    failed = failed + 1
  end
end

function done(summary)
  local lost = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    lost = lost + thread:get("failed")
  end
  io.write(string.format("requests: %d, failed: %d\n", summary.requests, lost))
end
