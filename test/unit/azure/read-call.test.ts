// What a body asks for: only fields the gateway acts on are judged, everything else passes (guarantee G10).
import { describe, expect, it } from "vitest";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { promptTexts } from "../../../src/azure/prompt-texts.ts";
import { readCall } from "../../../src/azure/read-call.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { chatBody, responsesBody } from "./azure-fixture.ts";

function read(name: OperationName, body: unknown) {
  const call = readCall(operations[name], body);
  if (!call.ok) throw new Error(`${call.error.code} ${call.error.field}`);
  return call.value;
}
const chat = (changes: JsonObject) => read("chat/completions", { ...chatBody, ...changes });
const completion = (changes: JsonObject) => read("completions", { prompt: "Once", ...changes });

function refused(name: OperationName, body: unknown): string {
  const call = readCall(operations[name], body);
  return call.ok ? "accepted" : `${call.error.code} at ${call.error.field}`;
}

describe("the output that is asked for", () => {
  it("is the largest of the bounds the caller named", () => {
    expect(chat({ max_tokens: 10, max_completion_tokens: 30 }).requestedOutputTokens).toBe(30);
    expect(chat({ max_tokens: 40, max_completion_tokens: 30 }).requestedOutputTokens).toBe(40);
    expect(chat({ max_tokens: 10 }).requestedOutputTokens).toBe(10);
    expect(read("responses", { ...responsesBody, max_output_tokens: 7 }).requestedOutputTokens).toBe(7);
  });

  it("is Azure's own default where the caller names none", () => {
    expect(chat({}).requestedOutputTokens).toBeNull();
    expect(completion({}).requestedOutputTokens).toBe(16);
    expect(read("responses", responsesBody).requestedOutputTokens).toBeNull();
    expect(read("embeddings", { input: "x" }).requestedOutputTokens).toBe(0);
  });

  it("heeds only the parameters of its operation", () => {
    expect(chat({ max_output_tokens: 5 }).requestedOutputTokens).toBeNull();
    expect(read("responses", { ...responsesBody, max_tokens: 5 }).requestedOutputTokens).toBeNull();
  });
});

describe("what of Azure's features is used", () => {
  it("is storing only where it is asked for: Azure's own default is not the caller's wish", () => {
    expect([chat({}).stores, chat({ store: null }).stores, chat({ store: false }).stores]).toEqual([
      false,
      false,
      false,
    ]);
    expect(chat({ store: true }).stores).toBe(true);
    expect(read("responses", responsesBody).stores).toBe(false);
  });

  it("is every tool that is offered", () => {
    expect(chat({}).tools).toEqual([]);
    expect(chat({ web_search_options: {} }).tools).toEqual(["web_search"]);
  });
});

describe("the choices that are generated", () => {
  it.each<[changes: JsonObject, choices: number]>([
    [{}, 1],
    [{ n: 3 }, 3],
    [{ best_of: 5 }, 5],
    [{ n: 2, best_of: 5 }, 5],
    [{ n: 5, best_of: 2 }, 5],
    [{ prompt: ["a", "b", "c"] }, 3],
    [{ prompt: ["a", "b"], n: 4 }, 8],
    [{ prompt: [1, 2, 3, 4] }, 1],
    [{ prompt: [[1, 2], [3]], best_of: 2 }, 4],
    [{ prompt: [1, "b", "c"] }, 3],
    [{ prompt: [] }, 1],
    [{ prompt: null }, 1],
  ])("completions with %j: %i", (changes, choices) => {
    expect(completion(changes).choices).toBe(choices);
  });

  it("chat takes n and ignores the number of prompts; embeddings generate none", () => {
    expect(chat({ n: 4 }).choices).toBe(4);
    expect(chat({ prompt: ["a", "b"] }).choices).toBe(1);
    expect(read("embeddings", { input: ["a", "b"], n: 9 }).choices).toBe(1);
  });
});

describe("the other facts", () => {
  it("are read off the body", () => {
    expect(
      chat({ stream: true, stream_options: { include_usage: true, other: 1 }, user: "u" }),
    ).toMatchObject({
      model: "gpt-4",
      stream: true,
      wantsUsage: true,
      endUser: "u",
    });
    expect(chat({ user: "u", safety_identifier: "s" }).endUser).toBe("s");
    expect(chat({ user: "u", safety_identifier: "" }).endUser).toBe("u");
    expect(chat({ user: "" }).endUser).toBeNull();
  });

  it("are absent where the body holds null", () => {
    const nothing = {
      model: null,
      n: null,
      best_of: null,
      max_tokens: null,
      max_completion_tokens: null,
      stream: null,
      stream_options: null,
      user: null,
      safety_identifier: null,
    };
    expect(chat(nothing)).toMatchObject({
      model: null,
      choices: 1,
      requestedOutputTokens: null,
      stream: false,
      wantsUsage: false,
      endUser: null,
    });
    expect(chat({ stream_options: { include_usage: null } }).wantsUsage).toBe(false);
  });

  it("leave the body as it came, unknown fields and all", () => {
    const body = { ...chatBody, brand_new: { deep: [1, { x: null }] }, temperature: "hot" };
    expect(read("chat/completions", body).body).toEqual(body);
  });
});

describe("values the gateway cannot act on", () => {
  it.each<[changes: JsonObject, field: string]>([
    [{ n: 0 }, "n"],
    [{ n: 1.5 }, "n"],
    [{ n: "2" }, "n"],
    [{ n: 129 }, "n"],
    [{ n: -1 }, "n"],
    [{ best_of: [] }, "best_of"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_tokens: -5 }, "max_tokens"],
    [{ max_tokens: "100" }, "max_tokens"],
    [{ max_tokens: 1e308 }, "max_tokens"],
    [{ max_completion_tokens: true }, "max_completion_tokens"],
    [{ max_completion_tokens: { value: 1 } }, "max_completion_tokens"],
    [{ max_output_tokens: 0.5 }, "max_output_tokens"],
    [{ stream: "true" }, "stream"],
    [{ stream: 1 }, "stream"],
    [{ stream_options: [] }, "stream_options"],
    [{ stream_options: { include_usage: "yes" } }, "stream_options.include_usage"],
    [{ model: 4 }, "model"],
    [{ user: { id: 1 } }, "user"],
    [{ safety_identifier: 7 }, "safety_identifier"],
    [{ store: "yes" }, "store"],
  ])("%j is refused at %s", (changes, field) => {
    expect(refused("chat/completions", { ...chatBody, ...changes })).toBe(`body_invalid at ${field}`);
  });

  it.each([[], "text", 5, null, true])("a body of %j is no request", (body) => {
    expect(refused("chat/completions", body)).toBe("body_invalid at undefined");
  });
});

describe("an answer that is stored, or continued", () => {
  const need = (name: OperationName, changes: JsonObject) => {
    const read = readCall(operations[name], { ...responsesBody, ...changes });
    return read.ok ? { stores: read.value.stores, storage: read.value.storage } : read.error.code;
  };

  it.each<[changes: JsonObject, needed: object]>([
    [{}, { stores: false, storage: null }],
    [{ store: true }, { stores: true, storage: null }],
    [
      { previous_response_id: "resp_1" },
      { stores: false, storage: { field: "previous_response_id", previousId: "resp_1" } },
    ],
    // Azure answers in the background only from what it stores.
    [{ background: true }, { stores: true, storage: { field: "background", previousId: null } }],
    [
      { background: true, store: null },
      { stores: true, storage: { field: "background", previousId: null } },
    ],
    [
      { background: true, store: false },
      { stores: false, storage: { field: "background", previousId: null } },
    ],
  ])("a response with %j needs %j", (changes, needed) => {
    expect(need("responses", changes)).toEqual(needed);
  });

  it("means nothing to a chat, whose earlier answers are in its messages", () => {
    expect(need("chat/completions", { previous_response_id: "resp_1", background: true })).toEqual({
      stores: false,
      storage: null,
    });
  });

  it("has a prompt that nobody can bound or read", () => {
    const read = readCall(operations.responses, { ...responsesBody, previous_response_id: "resp_1" });
    expect(read.ok && read.value.prompt).toMatchObject({ textTokens: null, outsideContent: true });
    expect(promptTexts({ ...responsesBody, previous_response_id: "resp_1" })).toBeNull();
  });
});

describe("stored objects, which belong to whoever holds the Azure key", () => {
  it.each<[changes: JsonObject, field: string]>([
    [{ previous_response_id: "" }, "previous_response_id"],
    [{ previous_response_id: "resp_1/../resp_2" }, "previous_response_id"],
    [{ previous_response_id: { id: "resp_1" } }, "previous_response_id"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ conversation: { id: "conv_1" } }, "conversation"],
    [{ prompt: { id: "pmpt_1" } }, "prompt"],
    [{ input: [{ type: "item_reference", id: "msg_1" }] }, "input.0.type"],
    [
      { input: [{ role: "user", content: [{ type: "input_file", file_id: "f" }] }] },
      "input.0.content.0.file_id",
    ],
    [
      { input: [{ role: "user", content: [{ type: "input_image", file_id: "f" }] }] },
      "input.0.content.0.file_id",
    ],
    [
      { input: ["hi", { type: "function_call_output", output: [{ type: "input_file", file_id: "f" }] }] },
      "input.1.output.0.file_id",
    ],
    [{ tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }] }, "tools.0.vector_store_ids"],
    [
      { tools: [{ type: "code_interpreter", container: { type: "auto", file_ids: ["f"] } }] },
      "tools.0.container.file_ids",
    ],
    [{ tools: [{ type: "code_interpreter", container: "cntr_1" }] }, "tools.0.container"],
    [
      { tools: [{ type: "function" }, { type: "image_generation", input_image_mask: { file_id: "f" } }] },
      "tools.1.input_image_mask.file_id",
    ],
    [
      { input: [{ type: "additional_tools", tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }] }] },
      "input.0.tools.0.vector_store_ids",
    ],
    [
      {
        input: [
          {
            type: "tool_search_output",
            tools: [{ type: "namespace", tools: [{ type: "code_interpreter", container: "cntr_1" }] }],
          },
        ],
      },
      "input.0.tools.0.tools.0.container",
    ],
    [
      { input: [{ type: "shell_call", call_id: "c", environment: { container_id: "cntr_1" } }] },
      "input.0.environment.container_id",
    ],
    [
      { instructions: [{ role: "user", content: [{ type: "input_file", file_id: "f" }] }] },
      "instructions.0.content.0.file_id",
    ],
    [{ instructions: [{ id: "msg_1" }] }, "instructions.0.id"],
    [
      { input: [{ type: "reasoning", id: "rs_1", summary: [], content: [], encrypted_content: "" }] },
      "input.0.id",
    ],
    [{ input: [{ type: "image_generation_call", id: "ig_1", result: "" }] }, "input.0.id"],
  ])("responses with %j are refused at %s", (changes, field) => {
    expect(refused("responses", { ...responsesBody, ...changes })).toBe(`stored_object_refused at ${field}`);
  });

  it.each<[content: JsonObject, field: string]>([
    [{ content: [{ type: "file", file: { file_id: "f" } }] }, "messages.0.content.0.file.file_id"],
    [{ role: "assistant", audio: { id: "audio_1" } }, "messages.0.audio.id"],
  ])("a chat message with %j is refused at %s", (message, field) => {
    expect(refused("chat/completions", { messages: [{ role: "user", ...message }] })).toBe(
      `stored_object_refused at ${field}`,
    );
  });

  it.each<JsonObject>([
    { previous_response_id: null, conversation: null, prompt: null, background: null },
    { background: false },
    { input: [{ role: "user", content: [{ type: "input_image", image_url: "data:,", file_id: null }] }] },
    { input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "file_id" }] }] },
    { tools: [{ type: "code_interpreter", container: { type: "auto", file_ids: [] } }] },
    { tools: [{ type: "function", name: "f", parameters: { properties: { file_id: { type: "string" } } } }] },
    { tools: null },
    { input: [{ type: "function_call", id: "fc_1", call_id: "c", name: "f", arguments: "" }] },
    {
      input: [
        {
          type: "mcp_list_tools",
          server_label: "s",
          tools: [{ name: "read", input_schema: { properties: { file_id: { type: "string" } } } }],
        },
        { type: "additional_tools", tools: [{ type: "function", name: "f", parameters: { file_id: {} } }] },
      ],
    },
    { instructions: "file_id" },
  ])("responses with %j name none", (changes) => {
    expect(refused("responses", { ...responsesBody, ...changes })).toBe("accepted");
  });

  it("the prompt of completions is text", () => {
    expect(refused("completions", { prompt: "Once" })).toBe("accepted");
  });
});
