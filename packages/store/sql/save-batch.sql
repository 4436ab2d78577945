-- Commits one batch; parameters and result as save_batch says.
select to_json(behind) as behind, inserted, skipped, quarantined, to_json(dead) as dead, raised,
  to_json(unstored) as unstored, reached
from save_batch(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26
)
