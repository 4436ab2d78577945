-- Decides how a channel's crowd is told: a mode begins above its number of members and ends at a share of it, so that a channel
-- at the edge does not change to and fro. In the loop of a script, after whatever changes online. Changes nothing where no
-- rules are known.
-- Args     3 back
-- Needs    crowd
-- Changes  mode

if version >= 0 then
  if online > countAbove or (mode == 2 and online > countAbove * ARGV[3]) then
    mode = 2
  elseif online > digestAbove or (mode > 0 and online > digestAbove * ARGV[3]) then
    mode = 1
  else
    mode = 0
  end
end
