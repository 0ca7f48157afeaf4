// `portcullis explain` as a person reads it, and what it says where there is nothing to explain.
import { describe, expect, it } from "vitest";
import { ExplainedDecision, explainRecord } from "../../../src/audit/explained-decision.ts";
import type { World } from "../../../src/audit/redecide.ts";
import { explain } from "../../../src/cli/explain.ts";
import { decisionRecordOf } from "../../../src/gateway/decision-record.ts";
import { refusedAs } from "../../../src/gateway/refused-as.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { createCases } from "../../../src/policy/unsure.ts";
import { decisionId, question } from "../gateway/gateway-fixture.ts";
import { ask, judge, nowMs, policyId, policyOf, snapshotOf } from "../policy/decide-fixture.ts";
import { typed } from "./command-fixture.ts";

const KEY = `pk_${"k".repeat(43)}`;
const environment = { PORTCULLIS: "https://gateway.contoso.com", ADMIN_KEY: KEY };
const policies = [
  policyOf({ name: "Support", constraints: { allowedRoles: ["employee"], maxTokensPerRequest: 50 } }),
  policyOf({ id: policyId(2), actions: ["embedding"] }),
];

function explained(): ExplainedDecision {
  const verdict = judge(policies);
  const number = { source: "worker/1", n: 1 };
  const refusal = verdict.kind === "refused" ? verdict.refusal : refuse("internal_error");
  const notes = { foundTexts: [], uncounted: false };
  const refused = refusedAs(
    refusal,
    { number, revisions: { tenant: 1, platform: 1 } },
    { ask, notes, trace: verdict.trace, policyIds: [policyId(1)] },
  );
  const record = decisionRecordOf(question, refused, nowMs);
  const snapshot = snapshotOf(policies);
  const world: World = {
    snapshot,
    casesOf: createCases(snapshot),
    literalOf: new Map(),
    deployment: (name) => snapshot.platform.deployments.find((one) => one.name === name),
    demandOf: () => null,
  };
  const explanation = explainRecord(record, world);
  return ExplainedDecision.parse({ record, completion: null, abandoned: null, explanation });
}

const asking = (words: readonly string[], answer: () => Response, requests: string[] = []) =>
  typed([explain], ["explain", ...words], {
    environment,
    async fetch(url, init) {
      requests.push(`${url} ${new Headers(init?.headers).get("x-api-key")}`);
      return answer();
    },
  });

describe("an explanation", () => {
  it("is what was asked, what decided, a line for each policy, and the nearest change", async () => {
    const requests: string[] = [];
    const { code, out, err } = await asking(
      [decisionId, "--tenant", "tenant-a"],
      () => Response.json(explained()),
      requests,
    );
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toEqual([
      "denied (role_not_allowed): The policy requires a role that the capability does not carry.",
      "asked:      chat on api://azure-openai/models/gpt-4, internal data, 100 prompt tokens",
      `by:         ${question.capability.agentId} of tenant-a`,
      "at:         2026-09-21T14:13:20.000Z, requested as request_1",
      `decided by: ${policyId(1)}`,
      `dropped      grant ${policyId(1)} "Support": allowedRoles role_not_allowed (analyst against employee); maxTokensPerRequest tokens_per_request_exceeded (101 against 50)`,
      "1 policy is for something else.",
      `Nearest change: Add analyst to allowedRoles of ${policyId(1)}. Shorten the prompt from 100 tokens to 49 at most.`,
    ]);
    expect(requests).toEqual([
      `https://gateway.contoso.com/v1/decisions/${decisionId}?tenant=tenant-a ${KEY}`,
    ]);
  });

  it("is what the gateway answered, as JSON; and cannot steer a terminal", async () => {
    const answer = explained();
    const { out } = await asking([decisionId, "--json"], () => Response.json(answer));
    expect(JSON.parse(out.join("\n"))).toEqual(JSON.parse(JSON.stringify(answer)));
    const hostile = structuredClone(answer);
    hostile.explanation.reason.message = "\u001b[2Jall is well";
    const printed = await asking([decisionId], () => Response.json(hostile));
    expect(printed.out[0]).toBe("denied (role_not_allowed):  [2Jall is well");
  });

  it("without the policies of then is the recorded trace", async () => {
    const { explanation, ...rest } = explained();
    const alone = { ...explanation, again: null, nearest: null, notes: ["It stands alone."] };
    const { out } = await asking([decisionId], () => Response.json({ ...rest, explanation: alone }));
    expect(out).toContain("Note: It stands alone.");
    expect(out.join("\n")).toContain(
      `dropped      ${policyId(1)} (role_not_allowed {"constraint":"allowedRoles"`,
    );
  });
});

describe("nothing is explained, and nothing of what was typed repeated,", () => {
  it.each<[what: string, words: readonly string[], answer: () => Response, told: string]>([
    ["without a decision", [], () => Response.json({}), "Usage: portcullis explain"],
    ["of two", [decisionId, decisionId], () => Response.json({}), "Usage: portcullis explain"],
    [
      "with an unknown option",
      [decisionId, `--${KEY}`],
      () => Response.json({}),
      "Usage: portcullis explain",
    ],
    ["of what is no id", [KEY], () => Response.json({}), "no decision id"],
    ["of no tenant", [decisionId, "--tenant", "A B"], () => Response.json({}), "No tenant"],
    [
      "to http elsewhere",
      [decisionId, "--url", `http://${KEY}.test`],
      () => Response.json({}),
      "must be https",
    ],
    ["of an unknown decision", [decisionId], () => Response.json({}, { status: 404 }), "--tenant"],
    ["by a key that may not", [decisionId], () => Response.json({}, { status: 403 }), "`audit:read`"],
    ["by what is no gateway", [decisionId], () => new Response("<html>"), "its answer is none"],
  ])("%s", async (_what, words, answer, told) => {
    const { code, out, err } = await asking(words, answer);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join("\n")).toContain(told);
    expect(err.join("\n")).not.toContain(KEY);
  });
});
