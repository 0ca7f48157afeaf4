-- Each index is one more row that D1 writes, and bills, for every record. Nearly all decisions are allowed, so looking
-- for those goes by tenant and time alone: only the others have an index of their own. What is no decision has none.
DROP INDEX audit_by_decision;
CREATE INDEX audit_by_refusal ON audit_records (tenant_id, decision, at, source, n) WHERE decision <> 'allowed';
