-- Platform state: which tenant lives where, who may use the control plane, what callers may call.
-- It holds no tenant content; tenants' own rows are in their home's database.

CREATE TABLE directory (
  tenant_id TEXT PRIMARY KEY,
  home TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Exists from the start; its row in the home database is written when it is first changed.
INSERT INTO directory (tenant_id, home, created_at) VALUES ('default-tenant', 'global', '2026-01-01T00:00:00.000Z');

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  -- SHA-256 of the key in hex: the key itself is shown once and stored nowhere.
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  tenant_id TEXT,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deployments (
  name TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX policies_by_scope ON policies (scope, id);

-- One row per committed (or void) revision; the primary key lets exactly one writer have each.
CREATE TABLE revisions (
  scope TEXT NOT NULL,
  revision INTEGER NOT NULL,
  void INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, revision)
) STRICT, WITHOUT ROWID;

-- Records of control-plane writes, committed with the change itself and delivered to the queue afterwards.
CREATE TABLE outbox (
  source TEXT NOT NULL,
  n INTEGER NOT NULL,
  record TEXT NOT NULL,
  sent_at TEXT,
  PRIMARY KEY (source, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_unsent ON outbox (source, n) WHERE sent_at IS NULL;
