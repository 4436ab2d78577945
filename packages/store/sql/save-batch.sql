-- Commits one batch; parameters and result as save_batch says.
select to_json(behind) as behind, inserted, skipped, quarantined, to_json(dead) as dead, raised,
  to_json(unstored) as unstored, reached
from save_batch($1::read_position[], $2::batch_item[], $3::batch_item[])
