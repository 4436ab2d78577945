-- Commits one batch in which nothing is unusual, with its audit records; parameters and result as save_fresh_audited says.
select saved, raised, stands
from save_fresh_audited($1::batch_span[], $2::fresh_row[], $3::boolean, $4::boolean, $5::audit_head[], $6::audit_item[])
