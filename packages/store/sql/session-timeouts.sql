-- The timeouts in force on this connection, in ms: those it was opened with, unless somebody in between dropped them.
select
  (select setting::integer from pg_settings where name = 'statement_timeout') as "statementMs",
  (select setting::integer from pg_settings where name = 'idle_in_transaction_session_timeout') as "idleMs"
