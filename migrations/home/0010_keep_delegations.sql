-- Which sub-agent acts with which exchanged token of whom: so that disabling it revokes them. A row goes with its token.

CREATE TABLE delegations (
  -- The sub-agent that the token was exchanged for.
  actor_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  -- The agent whose ledger is charged, and holds what is revoked.
  agent_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  -- The token's own end.
  ends_at TEXT NOT NULL,
  PRIMARY KEY (actor_id, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX delegations_by_end ON delegations (ends_at);
