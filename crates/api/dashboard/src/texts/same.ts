/**
 * `Translated` where it has the texts of `Pattern` with the same parameters, each of them used; `never` where a text has fewer or
 * others. Assignability alone would let a translation leave out a number that it should tell.
 */
export type Same<Pattern, Translated> = {
  [Name in keyof Pattern]: Name extends keyof Translated ? Leaf<Pattern[Name], Translated[Name]> : never;
};

type Leaf<Pattern, Translated> = Pattern extends (...values: infer Wanted) => infer Made
  ? Translated extends (...values: infer Given) => Made
    ? Given['length'] extends Wanted['length'] ? Translated : never
    : never
  : Pattern extends string
    ? Translated extends string ? Translated : never
    : Same<Pattern, Translated>;
