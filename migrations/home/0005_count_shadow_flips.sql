-- What policies in shadow would have changed, by the hour, counted from decisions as they are stored: one that is stored
-- twice is counted once, because only a row that is new fires the trigger. Where no policy was in shadow nothing is written.

CREATE TABLE shadow_decisions (
  tenant_id TEXT NOT NULL,
  -- UTC, such as 2026-01-31T08.
  hour TEXT NOT NULL,
  -- Under which they were made, and so under which version of a policy.
  tenant_revision INTEGER NOT NULL,
  platform_revision INTEGER NOT NULL,
  decisions INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, hour, tenant_revision, platform_revision)
) STRICT, WITHOUT ROWID;
-- For policies of the platform, which are in shadow for every tenant.
CREATE INDEX shadow_decisions_by_hour ON shadow_decisions (hour);

CREATE TABLE shadow_flips (
  policy_id TEXT NOT NULL,
  hour TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  tenant_revision INTEGER NOT NULL,
  platform_revision INTEGER NOT NULL,
  -- What the decision would have been, why, and by what it was judged.
  outcome TEXT NOT NULL,
  code TEXT NOT NULL,
  basis TEXT NOT NULL,
  flips INTEGER NOT NULL,
  -- The id of one of the decisions.
  sample TEXT NOT NULL,
  PRIMARY KEY (policy_id, hour, tenant_id, agent_id, tenant_revision, platform_revision, outcome, code, basis)
) STRICT, WITHOUT ROWID;

-- The search for the text is cheap, and spares all other records the parsing. What SQLite cannot parse (it ends at a depth of
-- 1,000) is stored and not counted: a record is never lost for a sum.
CREATE TRIGGER shadow_is_counted AFTER INSERT ON audit_records
  WHEN NEW.kind = 'decision' AND CASE
    WHEN instr(NEW.record, '"shadow":{') = 0 THEN 0
    WHEN json_valid(NEW.record) THEN json_type(NEW.record, '$.shadow') = 'object'
    ELSE 0
  END
BEGIN
  INSERT INTO shadow_decisions (tenant_id, hour, tenant_revision, platform_revision, decisions)
  VALUES (
    NEW.tenant_id,
    substr(NEW.at, 1, 13),
    ifnull(NEW.record ->> '$.revisions.tenant', 0),
    ifnull(NEW.record ->> '$.revisions.platform', 0),
    1
  )
  ON CONFLICT DO UPDATE SET decisions = decisions + 1;
  INSERT INTO shadow_flips (policy_id, hour, tenant_id, agent_id, tenant_revision, platform_revision, outcome, code, basis,
    flips, sample)
  SELECT value ->> '$.policyId', substr(NEW.at, 1, 13), NEW.tenant_id, ifnull(NEW.agent_id, ''),
    ifnull(NEW.record ->> '$.revisions.tenant', 0), ifnull(NEW.record ->> '$.revisions.platform', 0),
    value ->> '$.to', value ->> '$.code', value ->> '$.basis', 1, NEW.decision_id
  FROM json_each(NEW.record, '$.shadow.flips') WHERE true
  ON CONFLICT DO UPDATE SET flips = flips + 1;
END;
