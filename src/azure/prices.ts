/**
 * The price of a deployment's tokens: its own `prices`, else the list's. A backend in a data zone or region costs a
 * tenth more than a global one; a provisioned backend is priced like its pay-as-you-go sibling, and a batch one like
 * the standard one, so that a budget means the same wherever a call happens to go.
 */
import { scaledDecimal } from "../kernel/decimal.ts";
import { skuSpread } from "../residency/sku-table.ts";
import type { Backend } from "./backend.ts";
import type { TokenPrice } from "./cost.ts";
import type { Deployment, Prices } from "./deployment.ts";
import { listedRow } from "./listed-row.ts";
import { BOUND_PLACE_PERCENT, globalPrices, type PriceRow } from "./price-table.ts";

type Priced = Pick<Deployment, "model" | "prices">;

const backendPrices = new WeakMap<object, WeakMap<object, { readonly price: TokenPrice | null }>>();

/** `priceOf` for what a snapshot holds, which is immutable: looked up once. */
export function snapshotPriceOf(deployment: Priced, backend: Pick<Backend, "sku">): TokenPrice | null {
  const prices: WeakMap<object, { readonly price: TokenPrice | null }> =
    backendPrices.get(deployment) ?? new WeakMap();
  backendPrices.set(deployment, prices);
  const known = prices.get(backend);
  if (known) return known.price;
  const price = priceOf(deployment, backend);
  prices.set(backend, { price });
  return price;
}

/** What tokens cost at this backend; null where not even the price of input is known. */
export function priceOf({ model, prices }: Priced, { sku }: Pick<Backend, "sku">): TokenPrice | null {
  const row = listedRow(globalPrices, model);
  const percent = skuSpread[sku] === "global" ? 100 : BOUND_PLACE_PERCENT;
  const listed = (usd: number | null | undefined) =>
    usd === null || usd === undefined ? null : Math.ceil((picoUsdOf(usd) * percent) / 100);
  const { cachedInput, input } = inputPrices(prices, row, listed);
  if (input === null) return null;
  return {
    inputPicoUsd: input,
    cachedInputPicoUsd: cachedInput ?? input,
    // An operator's price is what it says: no factor comes on top.
    // Where nothing is generated none is needed.
    outputPicoUsd: own(prices.outputPerMillion) ?? listed(row?.output),
  };
}

/** An operator who states the price of input states it whole: a list's discount or surcharge would not belong to it. */
function inputPrices(
  { inputPerMillion, cachedInputPerMillion }: Prices,
  row: PriceRow | undefined,
  listed: (usd: number | undefined) => number | null,
): { readonly input: number | null; readonly cachedInput: number | null } {
  const cached = own(cachedInputPerMillion);
  if (inputPerMillion !== null) return { input: own(inputPerMillion), cachedInput: cached };
  if (row === undefined) return { input: null, cachedInput: null };
  return {
    input: listed(Math.max(row.input, row.cacheWrite ?? 0)),
    cachedInput: cached ?? listed(row.cachedInput ?? row.input),
  };
}

const own = (usd: number | null): number | null => (usd === null ? null : picoUsdOf(usd));

/** USD per million tokens to pico-USD per token, never less than the price. */
const picoUsdOf = (usdPerMillion: number): number => scaledDecimal(usdPerMillion, 6, "up");

const bounds = new WeakMap<Deployment, { readonly price: TokenPrice | null }>();

/**
 * What a reservation is priced at: the dearest of the backends, since which one answers is chosen later. Kept beside
 * the deployment, which is immutable and the same object for as long as its snapshot lives.
 */
export function dearestPrice(deployment: Deployment): TokenPrice | null {
  const known = bounds.get(deployment);
  if (known) return known.price;
  const price = dearestOf(deployment);
  bounds.set(deployment, { price });
  return price;
}

function dearestOf(deployment: Deployment): TokenPrice | null {
  const prices = deployment.backends
    .map((backend) => priceOf(deployment, backend))
    .filter((price) => price !== null);
  if (prices.length === 0) return null;
  const outputs = prices.map(({ outputPicoUsd }) => outputPicoUsd).filter((price) => price !== null);
  const cachedInputPicoUsd = Math.max(...prices.map((price) => price.cachedInputPicoUsd));
  return {
    inputPicoUsd: Math.max(cachedInputPicoUsd, ...prices.map(({ inputPicoUsd }) => inputPicoUsd)),
    cachedInputPicoUsd,
    outputPicoUsd: outputs.length === 0 ? null : Math.max(...outputs),
  };
}
