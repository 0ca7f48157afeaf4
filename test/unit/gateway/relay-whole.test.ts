// What an answer that comes whole is settled with: what it tells, where it is JSON and nobody's spoken words.
import { expect, it } from "vitest";
import type { AnswerKind } from "../../../src/azure/media-call.ts";
import { operations } from "../../../src/azure/operation.ts";
import { relayWhole } from "../../../src/gateway/relay-whole.ts";
import type { CallEnd } from "../../../src/gateway/settle-call.ts";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import { allowedWith, createManualTimers, noRenewals, question } from "./gateway-fixture.ts";

async function settledWith(answer: AnswerKind, text: string): Promise<CallEnd["outcome"] | undefined> {
  const client = new AbortController();
  const settlements: CallEnd[] = [];
  await relayWhole(
    {
      question,
      allowed: allowedWith({}),
      operation: operations["audio/transcriptions"],
      body: {},
      parts: null,
      isStripped: false,
      wantsUsage: false,
      answer,
      apiVersion: null,
      headers: new Headers(),
      client: client.signal,
    },
    new Response(text),
    createUpstreamCutoff(createManualTimers(), client.signal, 600_000, noRenewals),
    async (end) => {
      settlements.push(end);
    },
  );
  return settlements[0]?.outcome;
}

it.each([
  ['{"text":"x","duration":3.5}', { kind: "as_reserved", units: 4 }],
  [
    '{"text":"x","usage":{"type":"tokens","input_tokens":1,"output_tokens":2,"total_tokens":3}}',
    { kind: "used", usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 2, totalTokens: 3 } },
  ],
])(
  "a transcript tells what it used as JSON, and nothing as text that reads like it: %s",
  async (text, told) => {
    expect(await settledWith("json", text)).toEqual(told);
    expect(await settledWith("text", text)).toEqual({ kind: "as_reserved" });
  },
);
