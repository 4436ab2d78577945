-- What a message is whose clientId was used before. In the loop of a script.
-- Needs    first: what is remembered under its once-key, false for nothing; content: hash|id
-- Refuses  duplicate, conflict, broken: sets outcome and one

if first then
  if type(first) == "table" then
    outcome, one = "broken", first.err
  elseif
    string.sub(first, 1, string.find(content, "|", 1, true)) == string.sub(content, 1, string.find(content, "|", 1, true))
    -- Of a message that was deleted nobody remembers what it said.
    or string.sub(first, 1, 1) == "|"
    -- Nor can be compared what a build hashed by another recipe, which the first two characters name.
    or string.sub(first, 1, 2) ~= string.sub(content, 1, 2)
  then
    outcome, one = "duplicate", first
  else
    outcome, one = "conflict", 0
  end
end
