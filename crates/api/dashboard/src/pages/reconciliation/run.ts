import type { Schemas } from '../../api/client';
import { t } from '../../texts';

/** A comparison of reports with what we have. */
export type Run = Schemas['Reconciliation'];

/** What a comparison can find, in the order in which it is told. */
export const FINDINGS = ['missingHere', 'missingThere', 'differing', 'malformed'] as const;

/** What changed between a comparison and the one before. */
export function changesOf(run: Run): string {
  if (typeof run.new !== 'number' || typeof run.gone !== 'number') return '–';
  return run.new + run.gone === 0 ? t.reconciliation.theSame : t.reconciliation.newAndGone(run.new, run.gone);
}

/** What a comparison is called: its report, or the first of them. */
export function nameOfRun(run: Run): string {
  const files = (run.files ?? []) as { name?: string }[];
  const first = files[0]?.name || t.reconciliation.report;
  return files.length > 1 ? t.reconciliation.andMore(first, files.length - 1) : first;
}
