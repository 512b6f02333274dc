-- The journal of releases and the record of who holds the lock; run by the lock's holder alone.
CREATE SCHEMA IF NOT EXISTS shipway;
CREATE TABLE IF NOT EXISTS shipway.journal (
  release_id text NOT NULL,
  number int NOT NULL,
  line text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (release_id, number)
);
CREATE TABLE IF NOT EXISTS shipway.release_lock (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  owner text NOT NULL,
  host text NOT NULL,
  process int NOT NULL,
  backend int NOT NULL,
  since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  heartbeat timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  step text NOT NULL DEFAULT ''
);
ALTER TABLE shipway.journal ENABLE ROW LEVEL SECURITY;
ALTER TABLE shipway.release_lock ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON SCHEMA shipway FROM PUBLIC;
REVOKE ALL ON shipway.journal, shipway.release_lock FROM PUBLIC;
-- Whatever the project's default privileges are, the API's roles get nothing.
DO $$
DECLARE role text;
BEGIN
  FOR role IN SELECT rolname FROM pg_catalog.pg_roles
              WHERE rolname IN ('anon', 'authenticated', 'service_role') LOOP
    EXECUTE format('REVOKE ALL ON SCHEMA shipway FROM %I', role);
    EXECUTE format('REVOKE ALL ON shipway.journal, shipway.release_lock FROM %I', role);
  END LOOP;
END $$;
