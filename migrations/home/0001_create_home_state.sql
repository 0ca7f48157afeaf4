-- What belongs to the tenants of one home: the same tables in every home's database.

CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  metadata TEXT NOT NULL,
  roles TEXT NOT NULL,
  -- 'deleted' rows stay: the ledger must learn of the deletion, and old tokens must keep failing.
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'deleted')),
  classification TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- The highest version the agent's ledger has acknowledged; the scheduled sweep repeats the rest.
  acknowledged_version INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX agents_by_tenant ON agents (tenant_id, id);
CREATE INDEX agents_unacknowledged ON agents (id) WHERE acknowledged_version < version;

CREATE TABLE policies (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX policies_by_scope ON policies (scope, id);

CREATE TABLE revisions (
  scope TEXT NOT NULL,
  revision INTEGER NOT NULL,
  void INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  source TEXT NOT NULL,
  n INTEGER NOT NULL,
  record TEXT NOT NULL,
  sent_at TEXT,
  PRIMARY KEY (source, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_unsent ON outbox (source, n) WHERE sent_at IS NULL;

-- The search index of the audit log. (source, n) is a record's identity, so a redelivery changes nothing.
CREATE TABLE audit_records (
  source TEXT NOT NULL,
  n INTEGER NOT NULL,
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  agent_id TEXT,
  decision TEXT,
  decision_id TEXT,
  at TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (source, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_tenant ON audit_records (tenant_id, at, source, n);
CREATE INDEX audit_by_agent ON audit_records (tenant_id, agent_id, at, source, n);
CREATE INDEX audit_by_decision ON audit_records (tenant_id, decision, at, source, n);
