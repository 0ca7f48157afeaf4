/**
 * What a country belongs to, by ISO 3166-1 code, for the countries that a promise can turn on. A country that is not
 * listed is inside nothing as a location or a region; of callers see zone.ts.
 * Sources, as of 2026-11: members of the EU, european-union.europa.eu; EEA and EFTA, efta.int; the EU Data Boundary is
 * the EU and EFTA, learn.microsoft.com/privacy/eudb.
 */
export interface CountryRow {
  readonly eu: boolean;
  readonly eea: boolean;
  /** Microsoft's EU Data Boundary: the EU and EFTA. */
  readonly euDataBoundary: boolean;
  /** The 50 states and the District of Columbia: Azure's US data zone has no region elsewhere. */
  readonly us: boolean;
}

const member: CountryRow = { eu: true, eea: true, euDataBoundary: true, us: false };
const eeaEfta: CountryRow = { eu: false, eea: true, euDataBoundary: true, us: false };
const eftaOnly: CountryRow = { eu: false, eea: false, euDataBoundary: true, us: false };
const unitedStates: CountryRow = { eu: false, eea: false, euDataBoundary: false, us: true };
const outside: CountryRow = { eu: false, eea: false, euDataBoundary: false, us: false };

const groups: readonly (readonly [row: CountryRow, countries: string])[] = [
  [member, "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"],
  [eeaEfta, "IS LI NO"],
  [eftaOnly, "CH"],
  [unitedStates, "US"],
  // A member until 2020-01-31, and often taken for one.
  [outside, "GB"],
];

export const countryTable: ReadonlyMap<string, CountryRow> = new Map(
  groups.flatMap(([row, countries]) => countries.split(" ").map((country) => [country, row] as const)),
);
