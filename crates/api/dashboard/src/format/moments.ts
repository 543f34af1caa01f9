/** The moment of a wall clock (`2026-01-31T12:00`, as an input of `datetime-local` has it) in a zone; none where it is no time. */
export function momentIn(timeZone: string, clock: string): string | undefined {
  const wanted = Date.parse(`${clock}Z`);
  if (Number.isNaN(wanted)) return undefined;
  // Twice: the first guess may lie on the other side of a change of the clocks.
  let at = wanted;
  for (let n = 0; n < 2; n += 1) at += wanted - Date.parse(`${clockIn(timeZone, new Date(at))}Z`);
  return new Date(at).toISOString();
}

/** What a wall clock in that zone shows at a moment, to the minute. */
export function clockIn(timeZone: string, at: Date): string {
  // Sweden's dates are those of ISO 8601.
  return new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(at).replace(' ', 'T');
}

/** A date of the calendar (`2026-01-31`) from the year 2000 on; before, somebody is still typing. */
export function dayOf(text: string | undefined): string | undefined {
  return /^2\d{3}-\d\d-\d\d$/.test(text ?? '') && !Number.isNaN(Date.parse(text ?? '')) ? text : undefined;
}
