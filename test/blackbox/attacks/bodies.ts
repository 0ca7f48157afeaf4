/** Attacks with nothing but a token and a key. What stands in a body: stored objects, unbounded prompts, odd bounds, and values by the million. */
import { beforeAll, describe, expect, it } from "vitest";
import { chat, gateway, type Json, post, received, responses, tenant } from "./attack-fixture.ts";

describe("objects stored at Azure (G7) and prompts that draw in more than the body holds (G1)", () => {
  let limited: { token: string };
  let unlimited: { token: string };
  beforeAll(async () => {
    limited = await tenant("stored-limited", { maxTokensPerDay: 100_000 });
    unlimited = await tenant("stored-unlimited");
  });

  const references: readonly (readonly [string, Json])[] = [
    ["an item reference by its optional type", { input: [{ type: "item_reference", id: "msg_1" }] }],
    ["an item reference without a type", { input: [{ id: "msg_of_another_tenant" }] }],
    ["an item reference with a null type", { input: [{ type: null, id: "msg_of_another_tenant" }] }],
    ["a reasoning item by its id alone", { input: [{ type: "reasoning", id: "rs_1", summary: [] }] }],
    [
      "a container of a past call",
      {
        input: [
          { type: "code_interpreter_call", id: "ci_1", container_id: "cntr_1", code: "", outputs: null },
        ],
      },
    ],
  ];
  for (const [name, body] of references) {
    it(`${name} reaches no model, with a limit`, async () => {
      const { status } = await responses(limited.token, body);
      expect(status).toBe(400);
      expect(gateway.simulator.requests).toHaveLength(0);
    });
    it(`${name} reaches no model, without a limit`, async () => {
      const { status, code } = await responses(unlimited.token, body);
      expect({ status, code }).toEqual({ status: 400, code: "stored_object_refused" });
      expect(gateway.simulator.requests).toHaveLength(0);
    });
  }

  it("instructions that carry an image by URL are charged as the largest image, not as text", async () => {
    const instructions = [
      { role: "user", content: [{ type: "input_image", image_url: "https://example.org/a.png" }] },
    ];
    const { token } = await tenant("image-limited", { maxTokensPerRequest: 1_000 });
    const { status, code } = await responses(token, { input: "hi", instructions });
    expect({ status, code }).toEqual({ status: 403, code: "tokens_per_request_exceeded" });
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("a content part without a type cannot smuggle an image", async () => {
    const messages = [{ role: "user", content: [{ image_url: { url: "https://example.org/a.png" } }] }];
    const { status } = await chat(limited.token, { messages });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("data_sources cannot use the Azure resource's own identity or another of its deployments", async () => {
    const data_sources = [
      {
        type: "azure_search",
        parameters: {
          endpoint: "https://another-tenants-index.search.windows.net",
          index_name: "secrets",
          authentication: { type: "system_assigned_managed_identity" },
          embedding_dependency: { type: "deployment_name", deployment_name: "not-granted" },
        },
      },
    ];
    const { status } = await chat(unlimited.token, { data_sources });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });
});

describe("body tricks never exceed what was reserved (G1)", () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await tenant("tricks", { maxTokensPerRequest: 1_000 }));
  });
  const bodyAtAzure = () => JSON.parse(received[0]?.text ?? "{}") as Json;

  for (const [name, body] of [
    ["both bounds, one huge", { max_tokens: 5, max_completion_tokens: 1_000_000 }],
    ["bounds swapped", { max_tokens: 1_000_000, max_completion_tokens: 5 }],
    ["null bounds", { max_tokens: null, max_completion_tokens: null }],
    ["n", { n: 4, max_tokens: 1_000_000 }],
    ["best_of on chat", { best_of: 8, max_tokens: 1_000_000 }],
    ["max_output_tokens on chat", { max_output_tokens: 1_000_000 }],
    ["own __proto__", { ["__proto__"]: { max_tokens: 1 }, max_tokens: 1_000_000 }],
  ] as const) {
    it(name, async () => {
      const { status } = await chat(token, body, "raw");
      if (status !== 200) {
        expect(status).toBe(400);
        expect(received).toHaveLength(0);
        return;
      }
      const sent = bodyAtAzure();
      const bounds = [sent.max_tokens, sent.max_completion_tokens].filter((value) => value != null);
      expect(bounds.length).toBeGreaterThan(0);
      const choices = Math.max(Number(sent.n ?? 1), Number(sent.best_of ?? 1));
      expect(Math.max(...bounds.map(Number)) * choices).toBeLessThan(1_000);
    });
  }

  for (const member of ['"n":1.5', '"n":"2"', '"max_tokens":"9"', '"max_tokens":1e400', '"stream":"true"'])
    it(`refuses ${member}`, async () => {
      const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
      expect((await post(path, token, `{"messages":[],${member}}`)).status).toBe(400);
      expect(received).toHaveLength(0);
    });

  it("a prompt list multiplies", async () => {
    const path = "/openai/deployments/raw/completions?api-version=2024-10-21";
    await post(path, token, { prompt: ["a", [1, 2], "c", 4], n: 2, max_tokens: 1_000 });
    expect(Number(bodyAtAzure().max_tokens) * 8).toBeLessThan(1_000);
  });
});

it("a body of millions of tiny values is refused before it becomes an isolate's whole memory (G7)", async () => {
  const { token } = await tenant("tiny-values");
  const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
  const { status } = await post(path, token, `{"messages":[${"{},".repeat(5_500_000)}{}]}`);
  expect([400, 413]).toContain(status);
});
