// An answer is there for as long as Azure keeps it, by the ledger's clock, and only with the deployment that made it.
import { expect, it } from "vitest";
import { BackendId } from "../../../src/kernel/ids.ts";
import { AgentObjects, type KeptObject } from "../../../src/quota/agent-objects.ts";

const NOW = 1_800_000_000_000;
const key = "0".repeat(64);
const object = { deployment: "gpt", backendId: BackendId.parse(`backend_${"1".repeat(32)}`) };

function createObjects() {
  const rows = new Map<string, KeptObject>();
  return new AgentObjects({
    putStoredObject: (kept) => void rows.set(kept.key, kept),
    findStoredObject: (wanted, nowMs) => {
      const kept = rows.get(wanted);
      return kept && kept.expiresAtMs > nowMs ? kept.object : null;
    },
    removeStoredObject: (wanted) => void rows.delete(wanted),
  });
}

it("until it expires, or is forgotten", () => {
  const objects = createObjects();
  expect(objects.keep({ key, object, lifeMs: 1_000 }, NOW)).toBe(NOW + 1_000);
  expect(objects.find(key, NOW + 999)).toEqual(object);
  expect(objects.find(key, NOW + 1_000)).toBeNull();
  objects.forget(key);
  expect(objects.find(key, NOW)).toBeNull();
});

it("is continued with its own deployment", () => {
  const objects = createObjects();
  objects.keep({ key, object, lifeMs: 1_000 }, NOW);
  expect(objects.used({ key, deployment: "gpt" }, NOW)).toEqual(object);
  expect(objects.used({ key, deployment: "gpt-other" }, NOW)).toBeNull();
  expect(objects.used({ key: "f".repeat(64), deployment: "gpt" }, NOW)).toBeNull();
});
