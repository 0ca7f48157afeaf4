/**
 * Tools of Azure OpenAI by their type, and where what the model hands them goes. Read off the tool types of the openai
 * package 7.57.0 (2026-11) and Microsoft's data privacy pages for Azure OpenAI (2025-10): web search hands the query to
 * Bing, outside Azure's promises; MCP and connectors hand it to whoever runs the server; what Azure runs itself keeps
 * what it was given in containers and stores whose place no sku states.
 */

interface ToolRow {
  readonly runs: "caller" | "azure" | "elsewhere";
  /**
   * Whether a residency promise covers it: only what goes back to the caller in the answer itself, and carries nothing
   * but text. Further rows need a review of all that the tool can be told.
   */
  readonly keepsPromise: boolean;
}

const answered: ToolRow = { runs: "caller", keepsPromise: true };
const caller: ToolRow = { runs: "caller", keepsPromise: false };
const azure: ToolRow = { runs: "azure", keepsPromise: false };
const elsewhere: ToolRow = { runs: "elsewhere", keepsPromise: false };

export const toolTable = {
  function: answered,
  custom: answered,
  namespace: caller,
  local_shell: caller,
  apply_patch: caller,
  computer: caller,
  computer_use_preview: caller,
  // The caller runs it only where `environment` says so.
  shell: azure,
  code_interpreter: azure,
  file_search: azure,
  image_generation: azure,
  programmatic_tool_calling: azure,
  tool_search: azure,
  web_search: elsewhere,
  web_search_2025_08_26: elsewhere,
  web_search_preview: elsewhere,
  web_search_preview_2025_03_11: elsewhere,
  mcp: elsewhere,
} as const satisfies Record<string, ToolRow>;

const rows: ReadonlyMap<string, ToolRow> = new Map(Object.entries(toolTable));

/** The types that a residency promise covers. What is in no row may go anywhere. */
export const promisedTools: readonly string[] = [...rows].flatMap(([type, { keepsPromise }]) =>
  keepsPromise ? [type] : [],
);
