/**
 * The price of a unit at a deployment: its own `prices`, else the list's. It comes before any price of tokens, since a
 * model is billed by the one or by the other.
 */
import { scaledDecimal } from "../kernel/decimal.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Deployment } from "./deployment.ts";
import { listedRow } from "./listed-row.ts";
import { mostBySizeAndQuality } from "./picture-choice.ts";
import type { Unit } from "./unit.ts";
import { usdPerAudioMinute, usdPerMillionCharacters, usdPerPicture } from "./unit-price-table.ts";

type Priced = Pick<Deployment, "model" | "prices">;

/** In pico-USD per unit, for what this request asks for; null where the list has no price for that. */
export type UnitPrice = (body: JsonObject) => number | null;

/** Null where the deployment is not billed by this unit. */
export const unitPriceOf = (unit: Unit, deployment: Priced): UnitPrice | null => unitPrices[unit](deployment);

const unitPrices: Readonly<Record<Unit, (deployment: Priced) => UnitPrice | null>> = {
  picture({ model, prices: { perImage } }) {
    if (isStated(perImage)) return () => picoUsdOf(perImage);
    const row = listedRow(usdPerPicture, model);
    if (row === undefined) return null;
    return (body) => {
      const usd = mostBySizeAndQuality(row, body);
      return usd === null ? null : picoUsdOf(usd);
    };
  },
  character({ model, prices: { perMillionCharacters } }) {
    const usd = perMillionCharacters ?? listedRow(usdPerMillionCharacters, model);
    return isStated(usd) ? () => scaledDecimal(usd, PICO_DIGITS - MILLION_DIGITS, "up") : null;
  },
  audio_second({ model, prices: { perAudioMinute } }) {
    const usd = perAudioMinute ?? listedRow(usdPerAudioMinute, model);
    return isStated(usd) ? () => Math.ceil(picoUsdOf(usd) / SECONDS_PER_MINUTE) : null;
  },
};

const PICO_DIGITS = 12;
const MILLION_DIGITS = 6;
const SECONDS_PER_MINUTE = 60;

const picoUsdOf = (usd: number): number => scaledDecimal(usd, PICO_DIGITS, "up");

const isStated = (usd: number | null | undefined): usd is number => usd !== null && usd !== undefined;
