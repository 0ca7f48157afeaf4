// An approval is for one request: whatever differs in who asks, for what, or in what was sent is another one.
import fc from "fast-check";
import { expect, it } from "vitest";
import { requestHashOf } from "../../../src/approval/request-hash.ts";
import { utf8Bytes } from "../../../src/kernel/encoding.ts";
import { parseExactJson } from "../../../src/kernel/exact-json.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";

const request = {
  tenantId: TenantId.parse("tenant-a"),
  agentId: AgentId.parse(`agent_${"0".repeat(32)}`),
  surface: "relay",
  action: "chat",
  resource: "api://azure-openai/models/gpt-4",
  classification: "internal",
  sent: { messages: [{ role: "user", content: "Hello" }] },
  endUser: null,
  files: [],
} as const;
const sentOf = (text: string) => parseExactJson(text) as JsonObject;

it("is the same for the same request, however its body is spaced", async () => {
  const spaced = sentOf(' { "messages" : [ { "role":"user",  "content":"Hello" } ] } ');
  expect(await requestHashOf({ ...request, sent: spaced })).toBe(await requestHashOf(request));
});

it.each<[what: string, changes: object]>([
  ["tenant", { tenantId: "tenant-b" }],
  ["agent", { agentId: `agent_${"1".repeat(32)}` }],
  ["door", { surface: "enforce" }],
  ["action", { action: "response" }],
  ["resource", { resource: "api://azure-openai/models/gpt-4o" }],
  ["classification", { classification: "public" }],
  ["body", { sent: { messages: [{ role: "user", content: "Hello!" }] } }],
  ["further member of the body", { sent: { ...request.sent, temperature: 0 } }],
  ["end user that the token names", { endUser: "a".repeat(64) }],
  ["part moved into its neighbour", { action: "chat,api:", resource: "//azure-openai/models/gpt-4" }],
])("is another for another %s", async (_what, changes) => {
  expect(await requestHashOf({ ...request, ...changes })).not.toBe(await requestHashOf(request));
});

it("is another for numbers that only differ beyond what a double holds", async () => {
  const hashes = await Promise.all(
    ['{"seed":9007199254740993}', '{"seed":9007199254740992}'].map((text) =>
      requestHashOf({ ...request, sent: sentOf(text) }),
    ),
  );
  expect(hashes[0]).not.toBe(hashes[1]);
});

const fileOf = (bytes: string, name = "cat.png", type = "image/png") => ({
  name: "image",
  file: { naming: `filename="${name}"`, contentType: type, bytes: utf8Bytes(bytes) },
});

it.each([
  ["bytes", [fileOf("dog")]],
  ["name", [fileOf("cat", "dog.png")]],
  ["type", [fileOf("cat", "cat.png", "image/webp")]],
  ["field", [{ ...fileOf("cat"), name: "mask" }]],
  ["number", [fileOf("cat"), fileOf("cat")]],
  ["absence", []],
])("is another where a file differs in its %s", async (_what, files) => {
  const hashed = await requestHashOf({ ...request, files: [fileOf("cat")] });
  expect(await requestHashOf({ ...request, files: [fileOf("cat")] })).toBe(hashed);
  expect(await requestHashOf({ ...request, files })).not.toBe(hashed);
});

it("is another exactly for what would be forwarded differently", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      async (left, right) => {
        const [one, two] = await Promise.all(
          [left, right].map((sent) => requestHashOf({ ...request, sent })),
        );
        expect(one === two).toBe(JSON.stringify(left) === JSON.stringify(right));
      },
    ),
  );
});
