-- What of an agent's tokens was revoked: each told to the agent's own ledger, which is what calls are held against. The
-- schedule repeats what that has not acknowledged. A row goes when no token is left that it could stop.

CREATE TABLE token_revocations (
  agent_id TEXT NOT NULL,
  -- '' = all tokens of the agent that were issued before `not_before`.
  token_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  not_before TEXT,
  -- The last moment at which a token that this stops could still be valid.
  ends_at TEXT NOT NULL,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (agent_id, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_revocations_unacknowledged ON token_revocations (agent_id, token_id) WHERE acknowledged = 0;
CREATE INDEX token_revocations_by_end ON token_revocations (ends_at);

-- All tokens of a tenant that were issued before a moment: part of the tenant's snapshot, written under its revision.
CREATE TABLE token_epochs (
  tenant_id TEXT PRIMARY KEY,
  not_before TEXT NOT NULL
) STRICT, WITHOUT ROWID;
