#!lua flags=allow-oom
-- Once a second and partition: what one edge compares with what it has seen, and a probe that shows its topics still
-- reach it. Changes nothing.
-- KEYS[1]  {tag}:part
-- KEYS[2]  {tag}:probe:<node>, the topic of the probe, sent after everything announced before
-- KEYS[3+] {tag}:head:<channel>, the heads to read
-- Returns  { owner, serving, epoch, stored, unstored, control, head, saved, head, saved, .. }, all strings: part.owner,
--          the replication id of the server that answers, the partition's epoch, its watermark with the count that
--          save.lua keeps beside it, and its control number ("0-0" when there is none), then for each channel the
--          position numbered last and the one Postgres has confirmed, each "<epoch>-<seq>" or "" when it has none.
-- Refuses  nothing of its own. A head of another type than ours is told as none: it must not silence its partition.

local part = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'stored', 'unstored', 'control')
local serving = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local answer = { part[1] or '', serving or '', part[2] or '0', part[3] or '0-0', part[4] or '0', part[5] or '0-0' }

for i = 3, #KEYS do
  local head = redis.pcall('HMGET', KEYS[i], 'epoch', 'seq', 'saved')
  answer[#answer + 1] = head[1] and head[2] and head[1] .. '-' .. head[2] or ''
  answer[#answer + 1] = head[3] or ''
end

redis.call('SPUBLISH', KEYS[2], '')
return answer
