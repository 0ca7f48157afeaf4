-- What waits for approval and what was decided, whom to tell of it, and what is still to be told.

CREATE TABLE approvals (
  -- Made of the moment, so ids sort by age.
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'used')),
  -- What was asked, never its content.
  request TEXT NOT NULL,
  -- JSON list of the API keys behind the request; the ledger's list, which only grows.
  asked_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  decided_by TEXT,
  decided_at TEXT,
  reason TEXT,
  -- 0 = decided, and the agent's ledger has not acknowledged it; the scheduled sweep repeats it.
  acknowledged INTEGER NOT NULL DEFAULT 1,
  used_by TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_by_tenant ON approvals (tenant_id, id);
CREATE INDEX approvals_by_agent ON approvals (tenant_id, agent_id, id);
CREATE INDEX approvals_pending ON approvals (tenant_id, id) WHERE status = 'pending';
CREATE INDEX approvals_unacknowledged ON approvals (id) WHERE acknowledged = 0;

-- The record of a call says which approval it spent; a record is stored once, however often it is delivered. One that
-- SQLite takes for no JSON, since it is nested too deep, is stored all the same.
CREATE TRIGGER approval_is_used AFTER INSERT ON audit_records
  WHEN CASE WHEN NEW.kind = 'decision' AND NEW.decision = 'allowed' AND json_valid(NEW.record)
    THEN NEW.record ->> '$.approvalId' IS NOT NULL ELSE 0 END
BEGIN
  UPDATE approvals SET status = 'used', used_by = NEW.decision_id
  WHERE id = NEW.record ->> '$.approvalId' AND tenant_id = NEW.tenant_id;
END;

-- The secret that signs is made of the Worker's own and of `nonce`; it is stored nowhere.
CREATE TABLE approval_webhooks (
  tenant_id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  nonce TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_deliveries (
  approval_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at);

CREATE TRIGGER approval_is_announced AFTER INSERT ON approvals
BEGIN
  INSERT INTO webhook_deliveries (approval_id, tenant_id, attempts, next_at)
  SELECT NEW.id, NEW.tenant_id, 0, NEW.requested_at FROM approval_webhooks WHERE tenant_id = NEW.tenant_id;
END;
