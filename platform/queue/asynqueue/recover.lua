-- Makes a task ready that is still leased to a worker that has vanished.
-- KEYS: the task, active, lease, pending
-- ARGV: its ID, until when the lease must have lapsed (s), the task as it was found, as it is to be, now (ns)
-- Returns whether it was made ready; it is not when anything has happened to it since it was found.
local id = ARGV[1]
local leased = redis.call("ZSCORE", KEYS[3], id)
if not leased or tonumber(leased) > tonumber(ARGV[2])
	or redis.call("HGET", KEYS[1], "state") ~= "active" or redis.call("HGET", KEYS[1], "msg") ~= ARGV[3] then
	return 0
end
redis.call("LREM", KEYS[2], 0, id)
redis.call("ZREM", KEYS[3], id)
redis.call("HSET", KEYS[1], "msg", ARGV[4], "state", "pending", "pending_since", ARGV[5])
redis.call("LPUSH", KEYS[4], id)
return 1
