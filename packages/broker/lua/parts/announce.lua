-- Tells all who listen to a channel, by an envelope as unpack-envelope.ts reads it. In the loop of a script.
-- Needs    try; topic, frame; sign: 1 for what is sequenced, with its epoch, seq, fromEpoch and fromSeq; 2 for a signal, all
--          of which are 0
-- Defines  told  what Redis said: a number, or an error

-- Nobody is excluded.
local told = try("SPUBLISH", topic, struct.pack(">BBdddd", sign, 0, epoch, seq, fromEpoch, fromSeq) .. frame)
