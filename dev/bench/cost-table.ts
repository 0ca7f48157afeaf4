/** The cost of a million requests: a row for each billed item, two columns for each case. */
import { billedItems, prices, totalUsd, usdPerMillionRequests } from "./cost-model.ts";
import type { UseOfCase } from "./counting.ts";
import { number, table } from "./markdown-table.ts";

const usd = (value: number): string => `$${value.toFixed(2)}`;

export function costTable(uses: readonly UseOfCase[]): string {
  const head = [
    "billed item",
    "price per million",
    ...uses.flatMap(({ name }) => [`${name}: per request`, "cost"]),
  ];
  const lines = billedItems.map((item) => [
    prices[item].name,
    `$${prices[item].usdPerMillion}`,
    ...uses.flatMap(({ use }) => [number(use[item]), usd(usdPerMillionRequests(use, item))]),
  ]);
  const total = [
    "**a million requests**",
    "",
    ...uses.flatMap(({ use }) => ["", `**${usd(totalUsd(use))}**`]),
  ];
  return table(head, [...lines, total]);
}
