-- The only way in which Merganser writes to Redis: compare, then write.
--
-- KEYS: the keys that the arguments name by their index.
-- ARGV: the number of checks; four arguments for each check
--         '=', '+' or '-', key, field, value
--       (the field of the hash equals the value, is there, is not there);
--       then, for each command to its end,
--         name, key, number of arguments, arguments ...
-- Returns {} if it wrote everything, {i, found} if check i was the first that
-- does not hold; then it wrote nothing. Redis does not undo what a script wrote
-- before an error, so whatever can be wrong is looked for before the first
-- write. It decides nothing and computes nothing: that is the caller's part.

local KINDS = {HSET = 'hash', HDEL = 'hash', RPUSH = 'list', SADD = 'set',
               SREM = 'set', UNLINK = 'any'}
local MAX_ARGUMENTS = 1000

local at = 2
for check = 1, tonumber(ARGV[1]) do
  local relation, key, field, value = unpack(ARGV, at, at + 3)
  at = at + 4
  local found = redis.call('HGET', KEYS[tonumber(key)], field)
  local holds = (relation == '=' and found == value)
      or (relation == '+' and found)
      or (relation == '-' and not found)
  if not holds then return {check, found} end
end

local function malformed(position)
  return redis.error_reply('MERGANSER malformed argument ' .. position)
end

local first = at
while at <= #ARGV do
  local kind = KINDS[ARGV[at]]
  local key = KEYS[tonumber(ARGV[at + 1])]
  local count = tonumber(ARGV[at + 2])
  if not kind or not key or not count or count < 0 or count > MAX_ARGUMENTS
      or (count == 0) ~= (kind == 'any') or at + 2 + count > #ARGV
      or (ARGV[at] == 'HSET' and count % 2 ~= 0) then
    return malformed(at)
  end
  local stored = redis.call('TYPE', key).ok
  if kind ~= 'any' and stored ~= 'none' and stored ~= kind then
    return redis.error_reply('MERGANSER key ' .. key .. ' is a ' .. stored
        .. ', expected a ' .. kind)
  end
  at = at + 3 + count
end

at = first
while at <= #ARGV do
  local count = tonumber(ARGV[at + 2])
  redis.call(ARGV[at], KEYS[tonumber(ARGV[at + 1])],
      unpack(ARGV, at + 3, at + 2 + count))
  at = at + 3 + count
end
return {}
