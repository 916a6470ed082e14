"""The ledger's Lua scripts: each is one step, so that a crash leaves nothing half done.

Keys of a tenant, one slot of a cluster by its braces:

- `ledger:{t}`: hash of sums (`nano:<period>`, `tokens:<period>`), settings, alerts told; `ready`.
- `ledger:{t}:holds`: hash of holds (`h:<id>`) with their sums `nano` and `tokens`, and of what was
  charged for holds whose gateway died (`s:<id>`); and of sums by user.
- `usage:{t}:<day>`: hash of figures by purpose, model and user.
- `users:{t}:<period>`: hash of sums of a day or month by a hash of the user's name, so that who is
  erased does not begin anew.
- `used:{t}:<event id>`: the event is counted.

Times are Redis' own: a gateway's clock that is wrong ends nobody's hold.
"""

# Fields of a hold: end, own money, own tokens, rest money, rest tokens, day, model, user.
_HOLDS = """
local SEP = '\\31'
local function split(text)
  local found = {}
  for part in string.gmatch(text .. SEP, '(.-)' .. SEP) do found[#found + 1] = part end
  return found
end
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function number(key, field) return tonumber(redis.call('HGET', key, field) or '0') end
local function whole(x) return string.format('%.0f', x) end
local function add(key, field, x)
  if x ~= 0 then redis.call('HINCRBY', key, field, whole(x)) end
end
local function read(key, field)
  local text = redis.call('HGET', key, field)
  if not text then return nil end
  local h = split(text)
  for i = 1, 5 do h[i] = tonumber(h[i]) end
  return h
end
local function write(key, field, h)
  for i = 1, 5 do h[i] = whole(h[i]) end
  redis.call('HSET', key, field, table.concat(h, SEP))
end
local function of_user(what, user) return what .. SEP .. redis.sha1hex(user) end
-- Adds to what is held in all and by the user; a user's field goes when nothing is held any more.
local function hold(key, user, nano, tokens)
  for what, x in pairs({nano = nano, tokens = tokens}) do
    add(key, what, x)
    local field = of_user(what, user)
    if x ~= 0 and redis.call('HINCRBY', key, field, whole(x)) <= 0 then
      redis.call('HDEL', key, field)
    end
  end
end
local function drop(key, id, h)
  redis.call('HDEL', key, 'h:' .. id)
  hold(key, h[8], -(h[2] + h[4]), -(h[3] + h[5]))
end
-- Adds to a user's sums of a day and its month; `key` is that of any period.
local LIFE = {[10] = 3456000, [7] = 5184000}
local function charge_user(key, user, nano, tokens, day)
  local all = string.match(key, '^(.*}:)')
  for _, period in ipairs({day, string.sub(day, 1, 7)}) do
    add(all .. period, of_user('nano', user), nano)
    add(all .. period, of_user('tokens', user), tokens)
    redis.call('EXPIRE', all .. period, LIFE[#period])
  end
end
"""

# KEYS: ledger, holds, users' sums of the month and of the day. ARGV: id, own money, own tokens,
# rest money, rest tokens, day, model, user, month, milliseconds, limits of money a month, tokens a
# month, money a day, tokens a day ('': none), and the same limits for each user.
RESERVE = f"""{_HOLDS}
if redis.call('HGET', KEYS[1], 'ready') ~= '1' then return {{'missing'}} end
if redis.call('HEXISTS', KEYS[2], 'h:' .. ARGV[1]) == 1 then return {{'held'}} end
local nano, tokens = ARGV[2] + ARGV[4], ARGV[3] + ARGV[5]
local held_nano, held_tokens = number(KEYS[2], 'nano'), number(KEYS[2], 'tokens')
local checks = {{
  {{'nano', ARGV[9], ARGV[11], nano + held_nano}},
  {{'tokens', ARGV[9], ARGV[12], tokens + held_tokens}},
  {{'nano', ARGV[6], ARGV[13], nano + held_nano}},
  {{'tokens', ARGV[6], ARGV[14], tokens + held_tokens}}}}
for i, c in ipairs(checks) do
  if c[3] ~= '' then
    local spent = number(KEYS[1], c[1] .. ':' .. c[2])
    if spent + c[4] > tonumber(c[3]) then
      return {{'reached', c[1], c[2], whole(spent), 'tenant'}}
    end
  end
  local limit, field = ARGV[14 + i], of_user(c[1], ARGV[8])
  if limit ~= '' then
    local spent = number(KEYS[i <= 2 and 3 or 4], field)
    local needed = (c[1] == 'nano' and nano or tokens) + number(KEYS[2], field)
    if spent + needed > tonumber(limit) then
      return {{'reached', c[1], c[2], whole(spent), 'user'}}
    end
  end
end
local h = {{now_ms() + ARGV[10], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]),
  tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]}}
write(KEYS[2], 'h:' .. ARGV[1], h)
hold(KEYS[2], ARGV[8], nano, tokens)
return {{'held'}}
"""

# Counts calls, each once. KEYS: ledger, holds, figures of the day, users' sums of the day, and the
# mark of each call.
# ARGV: hold's id ('': none), part (own or rest), `settle` or `arrive`, rest's money and tokens that
# may still come, day, month, lifetimes of marks and figures in seconds; then for each call: line,
# money, tokens of all classes, calls, and the four classes.
COUNT = f"""{_HOLDS}
if redis.call('EXISTS', KEYS[1]) == 0 then return {{'missing'}} end
local id, part, day, month = ARGV[1], ARGV[2], ARGV[6], ARGV[7]
local h, s = nil, nil
if id ~= '' then h, s = read(KEYS[2], 'h:' .. id), read(KEYS[2], 's:' .. id) end
local function charge(nano, tokens, on, in_month)
  add(KEYS[1], 'nano:' .. on, nano)
  add(KEYS[1], 'tokens:' .. on, tokens)
  add(KEYS[1], 'nano:' .. in_month, nano)
  add(KEYS[1], 'tokens:' .. in_month, tokens)
end
-- Takes back a part of what was charged for a gateway that seemed dead.
local function take_back(nano, tokens)
  local rows = string.sub(KEYS[3], 1, -11) .. s[6]
  local line = table.concat({{'unreported', s[7], s[8]}}, SEP)
  charge(-nano, -tokens, s[6], string.sub(s[6], 1, 7))
  charge_user(KEYS[4], s[8], -nano, -tokens, s[6])
  add(rows, 'nano_usd' .. SEP .. line, -nano)
  add(rows, 'input_tokens' .. SEP .. line, -tokens)
  s[2], s[3] = s[2] - nano, s[3] - tokens
end
-- Takes what is no longer to come out of a hold: i is 2 for its own part, 4 for the rest.
local function lessen(i, nano, tokens)
  nano, tokens = math.min(nano, h[i]), math.min(tokens, h[i + 1])
  h[i], h[i + 1] = h[i] - nano, h[i + 1] - tokens
  hold(KEYS[2], h[8], -nano, -tokens)
end
local new = 0
for n = 5, #KEYS do
  local a = 10 + (n - 5) * 8
  if redis.call('SET', KEYS[n], '1', 'NX', 'EX', ARGV[8]) then
    local nano, tokens = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
    charge(nano, tokens, day, month)
    charge_user(KEYS[4], split(ARGV[a])[3], nano, tokens, day)
    add(KEYS[3], 'nano_usd' .. SEP .. ARGV[a], nano)
    for i, name in ipairs({{'calls', 'input_tokens', 'output_tokens', 'cache_read_tokens',
        'cache_write_tokens'}}) do
      add(KEYS[3], name .. SEP .. ARGV[a], tonumber(ARGV[a + 2 + i]))
    end
    if h then lessen(part == 'own' and 2 or 4, nano, tokens) end
    if s and part == 'own' and ARGV[3] == 'arrive' then
      take_back(math.min(nano, s[2]), math.min(tokens, s[3]))
    end
    new = new + 1
  end
end
if new > 0 then redis.call('EXPIRE', KEYS[3], ARGV[9]) end
if ARGV[3] == 'settle' then
  if h then
    lessen(2, h[2], h[3])
    lessen(4, math.max(0, h[4] - ARGV[4]), math.max(0, h[5] - ARGV[5]))
  end
  if s then take_back(s[2], s[3]) end
end
if h then
  if h[2] + h[3] + h[4] + h[5] == 0 then redis.call('HDEL', KEYS[2], 'h:' .. id)
  else write(KEYS[2], 'h:' .. id, h) end
end
if s then
  if s[2] + s[3] == 0 then redis.call('HDEL', KEYS[2], 's:' .. id)
  else write(KEYS[2], 's:' .. id, s) end
end
local totals = redis.call('HMGET', KEYS[1], 'nano:' .. day, 'tokens:' .. day, 'nano:' .. month,
  'tokens:' .. month)
for i = 1, 4 do totals[i] = totals[i] or '0' end
return {{'counted', totals[1], totals[2], totals[3], totals[4], tostring(new)}}
"""

# KEYS: holds. ARGV: milliseconds, ids.
RENEW = f"""{_HOLDS}
for n = 2, #ARGV do
  local h = read(KEYS[1], 'h:' .. ARGV[n])
  if h then
    h[1] = now_ms() + ARGV[1]
    write(KEYS[1], 'h:' .. ARGV[n], h)
  end
end
"""

# Holds that nobody has renewed; old marks of charged ones go. KEYS: holds. ARGV: milliseconds that
# those are kept.
EXPIRED = f"""{_HOLDS}
local found, now = {{}}, now_ms()
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  local kind, id = string.match(all[n], '^([hs]):(.*)$')
  if kind then
    local ends = tonumber(split(all[n + 1])[1])
    if kind == 'h' and ends < now then
      found[#found + 1] = id
      found[#found + 1] = all[n + 1]
    end
    if kind == 's' and ends + ARGV[1] < now then redis.call('HDEL', KEYS[1], all[n]) end
  end
end
return found
"""

# Ends an expired hold. What its gateway may have spent is charged, what others may have is not:
# their events come. KEYS: ledger, holds, figures of the hold's day, mark, users' sums. ARGV: id,
# lifetimes of mark and figures in seconds. Answers what it charged.
SWEEP = f"""{_HOLDS}
local h = read(KEYS[2], 'h:' .. ARGV[1])
if not h or h[1] >= now_ms() then return {{'0', '0'}} end
drop(KEYS[2], ARGV[1], h)
if h[2] + h[3] == 0 then return {{'0', '0'}} end
local month, line = string.sub(h[6], 1, 7), table.concat({{'unreported', h[7], h[8]}}, SEP)
redis.call('SET', KEYS[4], '1', 'EX', ARGV[2])
for _, period in ipairs({{h[6], month}}) do
  add(KEYS[1], 'nano:' .. period, h[2])
  add(KEYS[1], 'tokens:' .. period, h[3])
end
charge_user(KEYS[5], h[8], h[2], h[3], h[6])
add(KEYS[3], 'calls' .. SEP .. line, 1)
add(KEYS[3], 'nano_usd' .. SEP .. line, h[2])
add(KEYS[3], 'input_tokens' .. SEP .. line, h[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
local charged = {{whole(h[2]), whole(h[3])}}
h[1] = now_ms()
write(KEYS[2], 's:' .. ARGV[1], h)
return charged
"""

# Whether this process may tell of it: nobody has, and nobody began to in the last minute. KEYS:
# ledger. ARGV: what, milliseconds.
CLAIM_ALERT = f"""{_HOLDS}
local told = redis.call('HGET', KEYS[1], 'alert:' .. ARGV[1])
if told == 'told' or (told and tonumber(told) + ARGV[2] > now_ms()) then return 0 end
redis.call('HSET', KEYS[1], 'alert:' .. ARGV[1], whole(now_ms()))
return 1
"""

# KEYS: ledger. ARGV: settings. Answers their revision.
PUT_SETTINGS = """
redis.call('HSET', KEYS[1], 'settings', ARGV[1])
return redis.call('HINCRBY', KEYS[1], 'revision', 1)
"""

# The generic cell rate algorithm (ITU-T I.371) for each key: `per_minute` requests, all of which
# may come at once. Nothing is taken of any key unless all of them have room. KEYS: rates. ARGV:
# requests a minute of each. Answers the milliseconds to wait, 0: go on.
RATE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local wait, times = 0, {}
for i, key in ipairs(KEYS) do
  local every = 60000 / tonumber(ARGV[i])
  local due = math.max(tonumber(redis.call('GET', key) or '0'), now)
  local room = due + every - now - 60000
  if room > 0.001 then wait = math.max(wait, room) end
  times[i] = due + every
end
if wait > 0 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.3f', times[i]), 'PX', 120000)
end
return 0
"""

# One step, so that no call is counted in between. KEYS: a day's rows. ARGV: NOBODY, a pattern that
# parts a field's user from the rest, and the user, or nothing for all users. Answers 1 when
# something was moved.
ANONYMISE = """
local moved = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local place, user = string.match(field, ARGV[2])
  if user ~= ARGV[1] and (ARGV[3] == '' or user == ARGV[3]) then
    redis.call('HINCRBY', KEYS[1], place .. ARGV[1], redis.call('HGET', KEYS[1], field))
    redis.call('HDEL', KEYS[1], field)
    moved = 1
  end
end
return moved
"""
