-- A role for dashboards: it may read perps.* and nothing else, and never for long. Safe to repeat; a repetition sets the
-- password anew. For psql, with READER_NAME and READER_PASSWORD in the environment:
--
--   READER_NAME=perps_dashboards READER_PASSWORD=... psql "$DATABASE_URL" --file=config/postgres/reader.sql

SET client_min_messages = warning;
\getenv name READER_NAME
\getenv password READER_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', :'name')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L CONNECTION LIMIT 20', :'name', :'password') \gexec
SELECT format('GRANT perps_reader TO %I', :'name') \gexec
SELECT format('ALTER ROLE %I SET default_transaction_read_only = on', :'name') \gexec
SELECT format('ALTER ROLE %I SET statement_timeout = %L', :'name', '30s') \gexec
SELECT format('ALTER ROLE %I SET search_path = perps', :'name') \gexec
