import { useQuery } from '../api/query';
import { useTimes, words } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { FilterBar, options, useFilters } from '../ui/filters';
import { Badge, Dialog, Empty, Facts, Failure, Loading, Select, Text } from '../ui/parts';
import { Listed, Table, usePages, type Column } from '../ui/table';

const STAGES = ['SUBMITTED', 'IN_REVIEW', 'APPROVED', 'ACTIVE', 'DISABLED', 'CLOSED'];
const LIMIT = 25;
/** Accounts are kept for ten minutes by the server and renewed when an event comes: asked that often at most. */
const EVERY = 15_000;

export function Accounts() {
  const { company, isAdministrator, nameOf } = useSession();
  const { id, query: place } = useRoute();
  const times = useTimes();
  const filters = useFilters('accounts', ['status', 'onboardingStage']);
  const { values, set } = filters;
  const pages = usePages(`${filters.key}${company}`);
  const asked = { ...values, company } as never as Record<string, string>;
  const query = useQuery('/api/v1/accounts', { query: { ...asked, limit: LIMIT, cursor: pages.cursor } }, EVERY);
  const rows = query.data?.data.accounts;
  const pagination = query.data?.data.pagination;

  type Row = NonNullable<typeof rows>[number];
  const columns: Column<Row>[] = [
    { name: 'Account', cell: (row) => <a href={href('accounts', row.id, place)}>{row.externalId}</a> },
    { name: 'Status', cell: (row) => <Badge status={row.status} /> },
    { name: 'Onboarding', cell: (row) => <Badge status={row.onboardingStage} /> },
    { name: 'Partner', cell: (row) => row.partnerId ?? '–' },
    { name: 'Changed', cell: (row) => <time dateTime={row.statusTime ?? ''}>{times.short(row.statusTime)}</time> },
    ...(isAdministrator && !company ? [{ name: 'Company', cell: (row: Row) => nameOf(row.companyId) }] : []),
  ];
  const isFiltered = Object.values(values).some(Boolean);

  return (
    <>
      <h1 tabIndex={-1}>Accounts</h1>
      <FilterBar filters={filters}>
        <Select label="Onboarding" value={values['onboardingStage'] ?? ''} options={options('Any stage', STAGES, words)} onChange={(next) => set('onboardingStage', next)} />
        <Text search label="Status" placeholder="For example ENABLED" value={values['status'] ?? ''} onChange={(next) => set('status', next.toUpperCase())} />
      </FilterBar>
      <Listed
        query={query}
        rows={rows}
        empty={<Empty title={isFiltered ? 'Nothing found' : 'No accounts yet'}>{isFiltered ? 'No account matches these filters.' : 'They appear with their first account webhook.'}</Empty>}
      >
        <Table caption="Accounts" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
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
    <Dialog drawer title={row ? `Account ${row.externalId}` : 'Account'} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={6} />}
      {row && (
        <>
          <p class="headline"><Badge status={row.status} /> <Badge status={row.onboardingStage} /></p>
          <Stages stage={row.onboardingStage} />
          <Facts
            facts={[
              ['Partner', row.partnerId],
              ['Company', nameOf(row.companyId)],
              ['Mode', words(row.mode)],
              ['First seen', times.full(row.createdAt)],
              ['Methods', row.paymentMethods?.map((own) => `${words(own.kind)} ${own.id}`).join(', ')],
              ['Payments', <a href={href('transactions', null, { accountId: row.externalId })}>Show its transactions</a>],
            ]}
          />
          <h3>History</h3>
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
    <ol class="stages" aria-label="Onboarding">
      {way.map((own, n) => (
        <li key={own} class={n <= at ? 'done' : ''} aria-current={n === at ? 'step' : undefined}>{words(own)}</li>
      ))}
    </ol>
  );
}
