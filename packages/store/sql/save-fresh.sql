-- Commits one batch in which nothing is unusual; parameters and result as save_fresh says.
select saved, raised from save_fresh($1::batch_span[], $2::fresh_row[], $3::boolean, $4::boolean)
