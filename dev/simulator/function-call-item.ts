/** A function that the model calls, as the Responses API has it: an item of the output, and the events that build it. */
import type { ToolCall } from "./generation.ts";
import { obfuscation, randomText } from "./random-text.ts";

export interface FunctionCallItem {
  readonly item: object;
  readonly events: readonly (readonly [type: string, fields: object])[];
}

/** @param tokens of the arguments: as many as there was room for. */
export function functionCallItem(
  { name }: ToolCall,
  tokens: readonly string[],
  status: "completed" | "incomplete",
  outputIndex: number,
): FunctionCallItem {
  const common = {
    id: `fc_${randomText(48)}`,
    type: "function_call",
    call_id: `call_${randomText(24)}`,
    name,
  };
  const args = tokens.join("");
  const item = { ...common, arguments: args, status };
  const place = { item_id: common.id, output_index: outputIndex };
  return {
    item,
    events: [
      [
        "response.output_item.added",
        { item: { ...common, arguments: "", status: "in_progress" }, output_index: outputIndex },
      ],
      ...tokens.map(
        (delta) =>
          [
            "response.function_call_arguments.delta",
            { ...place, delta, obfuscation: obfuscation() },
          ] as const,
      ),
      ["response.function_call_arguments.done", { ...place, name, arguments: args }],
      ["response.output_item.done", { item, output_index: outputIndex }],
    ],
  };
}
