/**
 * Finds the first member of a request that could bring tools which azure/tools-used.ts does not see: a parameter, an
 * item of the input, or an item's member that nobody has reviewed (guarantee G10). Reviewed against the openai package
 * 7.57.0 for nothing but that: whether it can carry tools.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Action } from "../policy/action.ts";
import { knownParametersOf } from "./known-parameters.ts";

/** Beside those that are known to keep data where the request goes. */
const furtherParameters = new Set([
  "access_programs",
  "audio",
  "background",
  "context_management",
  "conversation",
  "data_sources",
  "moderation",
  "previous_response_id",
  "prompt_cache_options",
  "prompt_cache_retention",
  "service_tier",
  "web_search_options",
]);

/** Types of input items; messages of chat state none. */
const knownItems = new Set([
  "additional_tools",
  "apply_patch_call",
  "apply_patch_call_output",
  "code_interpreter_call",
  "compaction",
  "compaction_trigger",
  "computer_call",
  "computer_call_output",
  "configuration_update",
  "custom_tool_call",
  "custom_tool_call_output",
  "file_search_call",
  "function_call",
  "function_call_output",
  "image_generation_call",
  "item_reference",
  "local_shell_call",
  "local_shell_call_output",
  "mcp_approval_request",
  "mcp_approval_response",
  "mcp_call",
  "mcp_list_tools",
  "message",
  "program",
  "program_output",
  "reasoning",
  "shell_call",
  "shell_call_output",
  "tool_search_call",
  "tool_search_output",
  "web_search_call",
]);

/** Members of input items and of chat's messages. */
const knownMembers = new Set([
  "acknowledged_safety_checks",
  "action",
  "actions",
  "annotations",
  "approval_request_id",
  "approve",
  "arguments",
  "async",
  "audio",
  "background",
  "call_id",
  "caller",
  "caller_id",
  "code",
  "container_id",
  "content",
  "created_by",
  "encrypted_content",
  "environment",
  "error",
  "execution",
  "fingerprint",
  "function",
  "function_call",
  "id",
  "input",
  "max_output_length",
  "name",
  "namespace",
  "operation",
  "output",
  "output_format",
  "outputs",
  "pending_safety_checks",
  "phase",
  "quality",
  "queries",
  "reason",
  "reasoning",
  "reasoning_content",
  "refusal",
  "result",
  "results",
  "revised_prompt",
  "role",
  "server_label",
  "size",
  "status",
  "summary",
  "svg_usage",
  "text",
  "tool_call_id",
  "tool_calls",
  "tools",
  "type",
]);

/** Its path, or undefined when every one is known. */
export function unreviewedCarrier(body: JsonObject, action: Action): string | undefined {
  const known = knownParametersOf(action);
  const parameter = Object.keys(body).find((name) => !known.has(name) && !furtherParameters.has(name));
  if (parameter !== undefined) return parameter;
  for (const name of ["input", "instructions", "messages"]) {
    const items = body[name];
    if (!Array.isArray(items)) continue;
    for (const [index, item] of items.entries()) {
      const member = isJsonObject(item) ? unreviewedOf(item) : undefined;
      if (member !== undefined) return `${name}.${index}.${member}`;
    }
  }
  return undefined;
}

function unreviewedOf(item: JsonObject): string | undefined {
  const { type } = item;
  if (type !== undefined && type !== null && !(typeof type === "string" && knownItems.has(type)))
    return "type";
  return Object.keys(item).find((member) => !knownMembers.has(member));
}
