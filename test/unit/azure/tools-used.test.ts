// Every place where a body can carry tools is seen, whatever shape they have.
import { describe, expect, it } from "vitest";
import { promisedTools, toolTable } from "../../../src/azure/tool-table.ts";
import { toolsUsed } from "../../../src/azure/tools-used.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";

it.each<[body: JsonObject, tools: readonly string[]]>([
  [{ messages: [{ role: "user", content: "Hello" }] }, []],
  [{ tools: null, functions: null, web_search_options: null }, []],
  [{ tools: [] }, []],
  // Chat and Responses name a function in different places.
  [{ tools: [{ type: "function", function: { name: "search" } }] }, ["function:search"]],
  [{ tools: [{ type: "function", name: "search" }] }, ["function:search"]],
  [{ tools: [{ type: "custom", custom: { name: "grep" } }] }, ["custom:grep"]],
  [{ tools: [{ type: "custom", name: "grep" }] }, ["custom:grep"]],
  [{ tools: [{ type: "function" }] }, ["function"]],
  // No name, but content: it stays out of refusals and records.
  [{ tools: [{ type: "function", name: "My card is 4111 1111" }] }, ["function"]],
  // Whichever Azure heeds is seen.
  [{ tools: [{ type: "function", name: "a", function: { name: "b" } }] }, ["function:a", "function:b"]],
  [{ functions: [{ name: "search" }, null] }, ["function:search", "untyped"]],
  [{ web_search_options: {} }, ["web_search"]],
  [
    {
      tools: [{ type: "web_search_preview" }, { type: "mcp", server_url: "https://x.test" }, { type: "mcp" }],
    },
    ["web_search_preview", "mcp"],
  ],
  // Not the name of a function.
  [{ tools: [{ type: "function:search" }] }, ["untyped"]],
  [{ tools: [{ type: 1 }, {}, null, "mcp", { type: "" }] }, ["untyped"]],
  [{ tools: { type: "mcp" } }, ["mcp"]],
  [{ tools: "mcp" }, ["untyped"]],
  // Tools within tools, and items that bring tools of their own.
  [
    { tools: [{ type: "namespace", name: "crm", tools: [{ type: "function", name: "f" }] }] },
    ["namespace", "function:f"],
  ],
  [
    { input: [{ type: "additional_tools", role: "developer", tools: [{ type: "web_search" }] }] },
    ["web_search"],
  ],
  [{ input: [{ type: "tool_search_output", tools: [{ type: "mcp" }] }, "text", null] }, ["mcp"]],
  [{ instructions: [{ tools: [{ type: "shell" }] }] }, ["shell"]],
  [{ messages: [{ role: "user", tools: [{ type: "shell" }] }] }, ["shell"]],
  // History: what a remote server once listed are its own words.
  [{ input: [{ type: "mcp_list_tools", server_label: "x", tools: [{ name: "f", input_schema: {} }] }] }, []],
])("%j", (body, tools) => {
  expect(toolsUsed(body)).toEqual(tools);
});

describe("the table of tools", () => {
  it("promises what goes back to the caller in the answer, and nothing that runs elsewhere", () => {
    expect(promisedTools).toEqual(["function", "custom"]);
    for (const row of Object.values(toolTable)) if (row.keepsPromise) expect(row.runs).toBe("caller");
  });
});
