/** Cells told as few areas: actions that change on the same resources stand together. */
import { Action } from "../action.ts";
import type { Cell } from "./cells.ts";

export interface Area {
  readonly actions: readonly Action[];
  /** Resources, and `…/* (others)` for what is below a prefix and named nowhere. */
  readonly resources: readonly string[];
}

export function areasOf(cells: readonly Cell[]): readonly Area[] {
  const byAction = Action.options.map((action) => {
    const labels = cells.filter((cell) => cell.action === action).map(({ resource }) => resource.label);
    return { action, resources: [...new Set(labels)].sort() };
  });
  const alike = Map.groupBy(
    byAction.filter(({ resources }) => resources.length > 0),
    ({ resources }) => JSON.stringify(resources),
  );
  return [...alike.values()].map((group) => ({
    actions: group.map(({ action }) => action),
    resources: group[0]?.resources ?? [],
  }));
}
