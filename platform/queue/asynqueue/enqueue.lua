-- Makes a task ready that is new, dead or completed, and leaves any other as it is.
-- KEYS: the task, pending; active, lease, archived, completed, queues
-- ARGV: the encoded task, its ID, now (ns); the queue's name, whether only a dead task is meant (1 or 0)
-- Returns whether it was made ready. The first of KEYS and ARGV and the result are asynq's.
local id, onlyDead = ARGV[2], ARGV[5] == "1"
local state = redis.call("HGET", KEYS[1], "state")
if state == "archived" then
	redis.call("ZREM", KEYS[5], id)
elseif onlyDead then
	return 0
elseif state == "completed" then
	redis.call("ZREM", KEYS[6], id)
elseif state == "active" then
	if redis.call("ZSCORE", KEYS[4], id) and redis.call("HEXISTS", KEYS[1], "msg") == 1 then
		return 0
	end
	-- Without a lease or a message, asynq takes the task for running for ever.
	redis.call("LREM", KEYS[3], 0, id)
	redis.call("ZREM", KEYS[4], id)
elseif state then
	return 0
end
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "msg", ARGV[1], "state", "pending", "pending_since", ARGV[3])
redis.call("LPUSH", KEYS[2], id)
-- asynq does this once for each process, which is not enough when Redis is flushed.
redis.call("SADD", KEYS[7], ARGV[4])
return 1
