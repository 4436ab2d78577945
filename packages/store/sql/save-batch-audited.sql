-- Commits one batch with its audit records; parameters and result as save_batch_audited says.
select to_json(behind) as behind, inserted, skipped, quarantined, to_json(dead) as dead, raised,
  to_json(unstored) as unstored, reached, stands
from save_batch_audited($1::read_position[], $2::batch_item[], $3::batch_item[], $4::audit_head[], $5::audit_item[])
