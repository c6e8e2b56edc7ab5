-- KEYS: pending, active, scheduled, retry, archived
-- ARGV: now (s), the prefix of tasks
-- Returns the numbers of pending, active, due, all delayed and archived tasks; then since when the oldest pending
-- task has been that (ns), and since when the oldest due task has been due (s): text, empty when there is none.
local due, delayed, dueSince = 0, 0, false
for i = 3, 4 do
	due = due + redis.call("ZCOUNT", KEYS[i], "-inf", ARGV[1])
	delayed = delayed + redis.call("ZCARD", KEYS[i])
	local first = redis.call("ZRANGE", KEYS[i], "-inf", ARGV[1], "BYSCORE", "LIMIT", 0, 1, "WITHSCORES")[2]
	if first and (not dueSince or tonumber(first) < tonumber(dueSince)) then
		dueSince = first
	end
end
local pendingSince = false
local id = redis.call("LINDEX", KEYS[1], -1)
if id then
	pendingSince = redis.call("HGET", ARGV[2] .. id, "pending_since")
end
return {
	redis.call("LLEN", KEYS[1]), redis.call("LLEN", KEYS[2]), due, delayed, redis.call("ZCARD", KEYS[5]),
	pendingSince or "", dueSince or "",
}
