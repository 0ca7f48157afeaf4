/** What policies say of the content of calls, and the order of grants, from the control plane to what Azure is sent. */
import { beforeEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import {
  admin,
  askEnforce,
  call,
  codeOf,
  completion,
  frankfurt,
  newCaller,
  newPolicy,
  scriptedAzure,
} from "./gateway-fixture.ts";

const azure = scriptedAzure(() => completion());
beforeEach(() => void azure.requests.splice(0));
const forwarded = () => JSON.parse(String(azure.requests.at(-1)?.body)) as Record<string, unknown>;

type Caller = Awaited<ReturnType<typeof newCaller>>;

const send = (caller: Caller, content: string, more: object = {}, taken: AuditRecord[] = []) =>
  call(
    caller,
    {
      azure,
      records: {
        send: async (_home, record) => {
          taken.push(record);
          return true;
        },
      },
    },
    { body: JSON.stringify({ messages: [{ role: "user", content }], ...more }) },
  );

async function enforced({ token }: Caller, context: object) {
  const response = await askEnforce({ capabilityToken: token, context }, {}, frankfurt);
  return (await response.json()) as Record<string, unknown>;
}

describe("the content of a call", () => {
  it("is cut, stripped and forwarded as grant and boundary say, and the record says so without a word of it", async () => {
    const caller = await newCaller({
      maxOutputTokens: 20,
      deniedPatterns: { patterns: ["Project X"], action: "strip" },
      auditLogging: "detailed",
    });
    await newPolicy(caller, {
      kind: "boundary",
      constraints: { deniedPatterns: { builtIn: ["script_markup"], action: "strip" } },
    });
    const taken: AuditRecord[] = [];
    expect((await send(caller, "on pro<scriptject x: <b>hi</b>", { max_tokens: 500 }, taken)).status).toBe(
      200,
    );
    expect(forwarded()).toMatchObject({
      max_tokens: 20,
      messages: [{ role: "user", content: "on : <b>hi</b>" }],
    });
    expect(taken[0]).toMatchObject({
      stripped: true,
      detail: { obligations: { stripPatterns: { patterns: 1 } } },
    });
    expect(JSON.stringify(taken)).not.toMatch(/project x|<b>/i);

    taken.splice(0);
    expect((await send(caller, "hi", {}, taken)).status).toBe(200);
    expect(forwarded()).toMatchObject({ max_tokens: 20, messages: [{ role: "user", content: "hi" }] });
    expect(taken[0]).toMatchObject({ stripped: false });
  });

  it("is refused where a grant, or a boundary, does not take it, and Azure gets no byte", async () => {
    const caller = await newCaller({
      maxPromptCharacters: 10,
      parameters: { temperature: { max: 1 } },
      deniedPatterns: { patterns: ["secret"] },
    });
    expect(await codeOf(await send(caller, "eleven chars"))).toBe("prompt_characters_exceeded");
    expect(await codeOf(await send(caller, "hi", { temperature: 1.5 }))).toBe("parameter_not_allowed");
    expect(await codeOf(await send(caller, "a Secret"))).toBe("pattern_denied");

    const taken: AuditRecord[] = [];
    await send(caller, "a SECRET", {}, taken);
    await send(caller, "eleven chars", {}, taken);
    const texts = taken.map((record) =>
      record.kind === "decision" ? record.inputs?.ask?.content.texts : undefined,
    );
    const digest = expect.stringMatching(/^[0-9a-f]{32}$/);
    expect(texts).toEqual([
      { found: [digest], more: false },
      { found: [], more: false },
    ]);
    expect(JSON.stringify(taken)).not.toMatch(/secret/i);

    await newPolicy(caller, { constraints: {} });
    await newPolicy(caller, { kind: "boundary", constraints: { maxPromptCharacters: 5 } });
    expect(await codeOf(await send(caller, "secret"))).toBe("outside_boundary");
    expect(azure.requests).toHaveLength(0);
    expect((await send(caller, "hi", { temperature: 1.5 })).status).toBe(200);
  });

  it("is what the caller of /v1/enforce states; what it cannot state is indeterminate, or its own to strip", async () => {
    const stating = await newCaller({ maxPromptCharacters: 10, parameters: { temperature: { max: 1 } } });
    const codeFor = async (caller: Caller, context: object) =>
      ((await enforced(caller, context)).reasons as { code: string }[])[0]?.code;
    expect(await codeFor(stating, {})).toBe("indeterminate");
    expect(await codeFor(stating, { promptCharacters: 10 })).toBe("indeterminate");
    expect(await codeFor(stating, { promptCharacters: 11, parameters: {} })).toBe(
      "prompt_characters_exceeded",
    );
    expect(await codeFor(stating, { promptCharacters: 10, parameters: { temperature: 2 } })).toBe(
      "parameter_not_allowed",
    );
    expect(await codeFor(stating, { promptCharacters: 10, parameters: {} })).toBe("allowed");
    expect(await codeFor(await newCaller({ deniedPatterns: { patterns: ["x"] } }), {})).toBe("indeterminate");
    const stripping = await newCaller({ deniedPatterns: { builtIn: ["script_markup"], action: "strip" } });
    expect(await enforced(stripping, {})).toMatchObject({
      decision: "allowed",
      obligations: { stripPatterns: { builtIn: ["script_markup"], patterns: [] } },
    });
  });
});

describe("whoever is refused", () => {
  it("is told code, sentence and decision id, and nothing of policies, limits or values", async () => {
    const caller = await newCaller({ maxPromptCharacters: 4_321, allowedRoles: ["role-of-others"] });
    const answers: string[] = [];
    const relayed = await send(caller, "hi");
    expect(relayed.headers.get("portcullis-decision")).toMatch(/^decision_/);
    answers.push(await relayed.text());
    const enforcing = await askEnforce({ capabilityToken: caller.token }, {}, frankfurt);
    answers.push(await enforcing.text());
    expect(Object.keys(JSON.parse(answers[0] ?? "").error).sort()).toEqual([
      "code",
      "message",
      "param",
      "type",
    ]);
    expect(JSON.parse(answers[1] ?? "").reasons).toEqual([
      { code: "role_not_allowed", message: expect.any(String) },
    ]);
    for (const answer of answers) expect(answer).not.toMatch(/policy_|role-of-others|4321|trace|evidence/);
  });
});

describe("grants", () => {
  it("are charged by priority, then age", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1 });
    const better = await newPolicy(caller, { priority: 5, constraints: { maxRequestsPerDay: 1 } });
    const worse = await newPolicy(caller, { priority: 200, constraints: { maxRequestsPerDay: 1 } });
    const [first] = (
      (await admin("GET", `/v1/policies?tenant=${caller.tenantId}`)).items as {
        id: string;
        priority: number;
      }[]
    ).filter(({ priority }) => priority === 100);
    const taken: AuditRecord[] = [];
    for (let n = 0; n < 3; n += 1) expect((await send(caller, "hi", {}, taken)).status).toBe(200);
    const charged = taken.flatMap((record) => (record.kind === "decision" ? record.policyIds : []));
    expect(charged).toEqual([better.id, first?.id, worse.id]);
    expect(await codeOf(await send(caller, "hi"))).toBe("request_quota_exceeded");
  });
});
