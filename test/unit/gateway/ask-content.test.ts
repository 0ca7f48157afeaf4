// Facts about content are worked out where some policy, boundary or the token asks, and nowhere else.
import { describe, expect, it } from "vitest";
import { operations } from "../../../src/azure/operation.ts";
import { readCall } from "../../../src/azure/read-call.ts";
import { askContent } from "../../../src/gateway/ask-content.ts";
import { understandCall } from "../../../src/gateway/understand-call.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { UNREAD_CONTENT } from "../../../src/policy/content.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import {
  ask,
  capability,
  detailOf,
  firstCandidate,
  nowMs,
  outcomeOf,
  place,
  policyId,
  policyOf,
  snapshotOf,
} from "../policy/decide-fixture.ts";

const chat = (content: unknown, more: JsonObject = {}): JsonObject => ({
  messages: [{ role: "user", content }],
  ...more,
});

/** Throws where anything is looked at but what the body holds at its top. */
const untouchable = chat(
  new Proxy([], {
    get() {
      throw new Error("The content was looked at.");
    },
  }),
);

const contentOf = (
  body: JsonObject,
  policies: readonly Policy[],
  authorization: typeof capability.authorization = null,
) =>
  askContent({ body, holdsFile: false }, { ...capability, authorization }, ask, snapshotOf(policies)).content;

async function decided(body: JsonObject, policies: readonly Policy[]) {
  const snapshot = snapshotOf(policies);
  const ports = {
    hashEndUser: async () => "user",
    hashAddress: async () => "address",
    hashText: async () => "text",
    tokenCounter: () => Promise.reject(new Error("not asked here")),
  };
  const operation = operations["chat/completions"];
  const call = readCall(operation, body);
  if (!call.ok) throw new Error(call.error.code);
  const understood = await understandCall(
    ports,
    call.value,
    operation,
    "gpt-4",
    { capability, place, classification: "internal" },
    snapshot,
  );
  if (!understood.ok) throw new Error(understood.error.code);
  const verdict = decide({ capability, ask: understood.value.ask, place, snapshot, nowMs });
  return { verdict, outcome: outcomeOf(verdict), refine: understood.value.refine };
}

describe("content", () => {
  const limited = { maxPromptCharacters: 5 };

  it("is not looked at where nobody asks", () => {
    const elsewhere = policyOf({ id: policyId(2), actions: ["embedding"], constraints: limited });
    const deny = policyOf({ id: policyId(3), effect: "deny", constraints: { allowedRoles: ["employee"] } });
    expect(contentOf(untouchable, [policyOf(), elsewhere, deny], [detailOf()])).toBe(UNREAD_CONTENT);
    expect(
      contentOf(untouchable, [policyOf({ constraints: { parameters: { n: { max: 1 } } } })]),
    ).toMatchObject({ parameters: {} });
  });

  it.each<[who: string, policies: readonly Policy[], authorization: typeof capability.authorization]>([
    ["a grant", [policyOf({ constraints: limited })], null],
    [
      "a boundary, whatever it covers",
      [
        policyOf(),
        policyOf({ id: policyId(2), kind: "boundary", actions: ["embedding"], constraints: limited }),
      ],
      null,
    ],
    ["the token", [policyOf()], [detailOf({ constraints: limited })]],
  ])("is, where %s asks", (_who, policies, authorization) => {
    expect(contentOf(chat("Hello"), policies, authorization)).toMatchObject({
      promptCharacters: 5,
      parameters: null,
    });
  });

  it("tells every denied text of policies and token", () => {
    const policies = [
      policyOf({ constraints: { deniedPatterns: { patterns: ["Secret", "absent"], action: "strip" } } }),
      policyOf({
        id: policyId(2),
        kind: "boundary",
        constraints: { deniedPatterns: { builtIn: ["script_markup"] } },
      }),
    ];
    const token = [detailOf({ constraints: { deniedPatterns: { patterns: ["else"], action: "deny" } } })];
    expect(contentOf(chat("a SECRET <Script> ELSE"), policies, token).literals).toEqual([
      "secret",
      "<script",
      "else",
    ]);
  });
});

describe("content that only policies in shadow ask for", () => {
  const inShadow = policyOf({
    id: policyId(9),
    mode: "shadow",
    kind: "boundary",
    constraints: {
      maxPromptCharacters: 5,
      parameters: { n: { max: 1 } },
      deniedPatterns: { patterns: ["secret"], action: "strip" },
    },
  });
  const read = (policies: readonly Policy[]) =>
    askContent(
      { body: chat("a secret <script", { n: 2 }), holdsFile: false },
      capability,
      ask,
      snapshotOf(policies),
    );

  it("is read for them alone, and nothing is stripped for them", () => {
    expect(read([policyOf(), inShadow])).toEqual({
      content: UNREAD_CONTENT,
      isStripped: false,
      inShadow: { promptCharacters: 16, parameters: { n: 2 }, literals: ["secret"], canStrip: true },
    });
  });

  it("comes beside what live ones ask for, which stays as it is", () => {
    const live = policyOf({ constraints: { deniedPatterns: { builtIn: ["script_markup"] } } });
    const without = read([live]);
    expect(read([live, inShadow])).toEqual({
      ...without,
      inShadow: {
        ...without.content,
        promptCharacters: 16,
        parameters: { n: 2 },
        literals: ["<script", "secret"],
      },
    });
    expect(without.inShadow).toBe(without.content);
  });
});

describe("a call", () => {
  const grant = (constraints: object) => [policyOf({ constraints })];

  it.each<[what: string, constraints: object, body: JsonObject, outcome: string]>([
    ["as long as it may be", { maxPromptCharacters: 5 }, chat("Hello"), "allowed"],
    ["a character longer", { maxPromptCharacters: 5 }, chat("Hello!"), "prompt_characters_exceeded"],
    [
      "longer in two parts",
      { maxPromptCharacters: 5 },
      chat([
        { type: "text", text: "Hel" },
        { type: "text", text: "lo!" },
      ]),
      "prompt_characters_exceeded",
    ],
    [
      "with a parameter at its bound",
      { parameters: { temperature: { max: 1 } } },
      chat("x", { temperature: 1 }),
      "allowed",
    ],
    [
      "with a parameter beyond it",
      { parameters: { temperature: { max: 1 } } },
      chat("x", { temperature: 1.1 }),
      "parameter_not_allowed",
    ],
    [
      "with a parameter below it",
      { parameters: { temperature: { min: 0.5 } } },
      chat("x", { temperature: 0 }),
      "parameter_not_allowed",
    ],
    [
      "with a parameter that is no number",
      { parameters: { temperature: { max: 1 } } },
      chat("x", { temperature: "0" }),
      "parameter_not_allowed",
    ],
    [
      "without the parameter",
      { parameters: { temperature: { max: 1 } } },
      chat("x", { temperature: null, top_p: 9 }),
      "allowed",
    ],
    [
      "with chat's switch of that name",
      { parameters: { logprobs: { max: 1 } } },
      chat("x", { logprobs: true }),
      "allowed",
    ],
    [
      "with a denied text",
      { deniedPatterns: { patterns: ["Project X"] } },
      chat("on project x"),
      "pattern_denied",
    ],
    [
      "with script",
      { deniedPatterns: { builtIn: ["script_markup"] } },
      chat([{ type: "text", text: "</SCRIPT>" }]),
      "pattern_denied",
    ],
    [
      "with a data URL in a text",
      { deniedPatterns: { builtIn: ["data_url_markup"] } },
      chat('<a href="data:text/html,x">'),
      "pattern_denied",
    ],
    [
      "with an image in line",
      { deniedPatterns: { builtIn: ["data_url_markup"] } },
      chat([{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }]),
      "allowed",
    ],
    [
      "with a file nobody reads",
      { deniedPatterns: { patterns: ["x"] } },
      chat([{ type: "file", file: { file_data: "AAAA" } }]),
      "indeterminate",
    ],
    [
      "with a file, to be stripped",
      { deniedPatterns: { patterns: ["x"], action: "strip" } },
      chat([{ type: "file", file: { file_data: "AAAA" } }]),
      "indeterminate",
    ],
  ])("%s", async (_what, constraints, body, outcome) => {
    expect((await decided(body, grant(constraints))).outcome).toBe(outcome);
  });

  it("says where a text was denied, never the text", async () => {
    const constraints = { deniedPatterns: { builtIn: ["script_markup"], patterns: ["other", "Project X"] } };
    const told = async (content: string) => (await decided(chat(content), grant(constraints))).verdict;
    expect(await told("project x")).toMatchObject({
      refusal: { evidence: { constraint: "deniedPatterns", actual: "patterns[1]" } },
    });
    expect(await told("<script")).toMatchObject({ refusal: { evidence: { actual: "script_markup" } } });
    expect(JSON.stringify(await told("project x"))).not.toMatch(/project x/i);
  });

  it("that is stripped keeps its bytes as the bound: what is left may be more tokens than it was", async () => {
    const snapshotted = [
      policyOf({ constraints: { deniedPatterns: { patterns: ["secret"], action: "strip" } } }),
    ];
    const { verdict, refine } = await decided(chat("a secret"), snapshotted);
    expect(firstCandidate(verdict).obligations.stripPatterns).toEqual({ builtIn: [], patterns: ["secret"] });
    expect(refine).toBeNull();
    expect((await decided(chat("a secre"), snapshotted)).refine).not.toBeNull();
  });
});
