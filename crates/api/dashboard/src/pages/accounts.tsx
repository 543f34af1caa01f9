import { useQuery } from '../api/query';
import { useTimes, words } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { FilterBar, modeOf, NothingFound, options, useFilters } from '../ui/filters';
import { useListTools, type Named } from '../ui/list-tools';
import { Dialog } from '../ui/dialog';
import { Badge, Facts, Failure, Loading, Select, Text } from '../ui/parts';
import { Listed, Table, usePages } from '../ui/table';

const STAGES = ['SUBMITTED', 'IN_REVIEW', 'APPROVED', 'ACTIVE', 'DISABLED', 'CLOSED'];
const LIMIT = 25;
/** Accounts are kept for ten minutes by the server and renewed when an event comes: asked that often at most. */
const EVERY = 15_000;

export function Accounts() {
  const { company, isAdministrator, nameOf } = useSession();
  const { id, query: place } = useRoute();
  const times = useTimes();
  const filters = useFilters(['status', 'onboardingStage']);
  const { values, set } = filters;
  const pages = usePages(`${filters.key}${company}`);
  const asked = { ...values, company } as never as Record<string, string>;
  const query = useQuery('/api/v1/accounts', { query: { ...asked, limit: LIMIT, cursor: pages.cursor } }, EVERY);
  const rows = query.data?.data.accounts;
  const pagination = query.data?.data.pagination;

  type Row = NonNullable<typeof rows>[number];
  const all: Named<Row>[] = [
    { id: 'account', name: t.common.account, cell: (row) => <a href={href('accounts', row.id, place)}><span class="long">{row.externalId}</span></a> },
    { id: 'status', name: t.common.status, cell: (row) => <Badge status={row.status} /> },
    { id: 'onboarding', name: t.payments.onboarding, cell: (row) => <Badge status={row.onboardingStage} /> },
    { id: 'partner', name: t.payments.partner, cell: (row) => row.partnerId ?? '–' },
    { id: 'changed', name: t.payments.statusChanged, cell: (row) => <time dateTime={row.statusTime ?? ''}>{times.short(row.statusTime)}</time> },
    ...(isAdministrator && !company ? [{ id: 'company', name: t.common.company, cell: (row: Row) => nameOf(row.companyId) }] : []),
  ];
  const { columns, tools } = useListTools('accounts', all);

  return (
    <>
      <h1 tabIndex={-1}>{t.common.accounts}</h1>
      <FilterBar filters={filters}>
        <Select label={t.payments.onboarding} value={values['onboardingStage'] ?? ''} options={options(t.payments.anyStage, STAGES, words)} onChange={(next) => set('onboardingStage', next)} />
        <Text search label={t.common.status} placeholder={t.payments.statusHint} value={values['status'] ?? ''} onChange={(next) => set('status', next.toUpperCase())} />
      </FilterBar>
      {tools}
      <Listed
        query={query}
        rows={rows}
        pages={pages}
        empty={<NothingFound filters={filters} none={t.payments.noAccounts} hint={t.payments.accountsAppear} />}
      >
        <Table caption={t.common.accounts} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
        {pages.pager(pagination?.nextCursor, pagination?.total, pagination?.totalIsExact)}
      </Listed>
      {id && <Detail id={id} onClose={() => navigate(href('accounts', null, place))} />}
    </>
  );
}

function Detail({ id, onClose }: { id: string; onClose: () => void }) {
  const { nameOf } = useSession();
  const times = useTimes();
  const query = useQuery('/api/v1/accounts/{id}', { path: { id } });
  const row = query.data?.data;
  return (
    <Dialog drawer title={row ? t.payments.accountOf(row.externalId) : t.common.account} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={6} />}
      {row && (
        <>
          <p class="headline"><Badge status={row.status} /> <Badge status={row.onboardingStage} /></p>
          <Stages stage={row.onboardingStage} />
          <Facts
            facts={[
              [t.payments.partner, row.partnerId],
              [t.common.company, nameOf(row.companyId)],
              [t.common.mode, words(row.mode)],
              [t.payments.firstSeen, times.full(row.createdAt)],
              [t.payments.methods, row.paymentMethods?.map((own) => `${words(own.kind)} ${own.id}`).join(', ')],
              [t.payments.payments, <a href={href('transactions', null, { accountId: row.externalId, mode: modeOf(row) })}>{t.payments.showTransactions}</a>],
            ]}
          />
          <h3>{t.payments.history}</h3>
          <ol class="history">
            {row.history.map((step) => (
              <li key={step.eventId}>
                <Badge status={step.status} /> <time dateTime={step.statusTime ?? ''}>{times.full(step.statusTime)}</time>
                <div class="hint"><a href={href('webhooks', step.eventId)}>{step.eventName}</a></div>
              </li>
            ))}
          </ol>
        </>
      )}
    </Dialog>
  );
}

/** How far the onboarding is. */
function Stages({ stage }: { stage: string }) {
  const way = STAGES.slice(0, 4);
  const at = way.indexOf(stage);
  if (at === -1) return null;
  return (
    <ol class="stages" aria-label={t.payments.onboarding}>
      {way.map((own, n) => (
        <li key={own} class={n <= at ? 'done' : ''} aria-current={n === at ? 'step' : undefined}>{words(own)}</li>
      ))}
    </ol>
  );
}
