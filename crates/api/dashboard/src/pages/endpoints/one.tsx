import { useState } from 'preact/hooks';
import { patch, post, remove } from '../../api/client';
import { useQuery } from '../../api/query';
import { count, milliseconds, percent, useTimes } from '../../format/format';
import { href, navigate } from '../../router';
import { useSession } from '../../session';
import { Card, Confirm, Copied, Facts, Failure, Figure, Loading } from '../../ui/parts';
import { useAction } from '../../ui/toasts';
import { State, typesOf, type Endpoint } from '../endpoints';
import { Attempts } from './attempts';
import { EndpointForm } from './form';
import { Resend } from './resend';
import { Secret } from './secret';
import { TestEndpoint } from './test';

const EVERY = 10_000;

/** An endpoint: how it fares, what can be done with it, and its attempts. */
export function One({ id }: { id: string }) {
  const query = useQuery('/api/v1/endpoints/{id}', { path: { id } }, EVERY);
  const row = query.data?.data;
  // What was done shows at once; the list of attempts is asked again.
  const [round, setRound] = useState(0);
  const changed = () => {
    query.reload();
    setRound((n) => n + 1);
  };
  return (
    <>
      <div>
        <a href={href('endpoints')}>All endpoints</a>
        <h1 tabIndex={-1}>{row ? hostOf(row.url) : 'Endpoint'}</h1>
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={6} />}
      {row && (
        <>
          <div class="tiles">
            <Figure name="Success, last day" value={percent(row.successRate)} isBad={row.successRate !== null && row.successRate !== undefined && row.successRate < 0.5} />
            <Figure name="Mean time to answer" value={milliseconds(row.meanDurationMs)} />
            <Figure name="Attempts, last day" value={count(row.attempts)} />
            <Figure name="Waiting" value={count(row.pending)} />
            <Figure name="Failed for good" value={count(row.failed)} isBad={row.failed > 0} />
          </div>
          <About row={row} onChanged={changed} />
          <h2>Attempts</h2>
          <Attempts id={id} round={round} onResent={changed} />
        </>
      )}
    </>
  );
}

function About({ row, onChanged }: { row: Endpoint; onChanged: () => void }) {
  const { nameOf } = useSession();
  const times = useTimes();
  const act = useAction();
  const [open, setOpen] = useState<'edit' | 'rotate' | 'remove' | 'resend'>();
  const [secret, setSecret] = useState<string>();
  const isEnabled = row.state === 'enabled';
  const path = { id: row.id };
  const close = () => setOpen(undefined);

  const toggle = () =>
    act(isEnabled ? 'Disabled' : 'Enabled: what waits is sent', () => patch('/api/v1/endpoints/{id}', { state: isEnabled ? 'disabled' : 'enabled' }, { path }))
      .then((done) => done && onChanged());
  const rotate = () =>
    act('', async () => setSecret((await post('/api/v1/endpoints/{id}/rotate', undefined as never, { path })).data.secret)).then(onChanged);
  const drop = () =>
    act('Endpoint removed', () => remove('/api/v1/endpoints/{id}', { path })).then((done) => done && navigate(href('endpoints'), true));

  return (
    <Card title="Endpoint" aside={<State row={row} time={times.short} />}>
      <div class="copied"><code class="break">{row.url}</code><Copied text={row.url} label="Copy URL" /></div>
      <Facts
        facts={[
          ['Description', row.description],
          ['Event types', typesOf(row)],
          ['Messages per second', row.rate ? `${count(row.rate)} at most` : 'As many as there are'],
          ['Company', nameOf(row.companyId)],
          ['Added', times.full(row.createdAt)],
          ...(row.previousKeyUntil ? [['Previous key signs until', times.full(row.previousKeyUntil)] as const] : []),
        ]}
      />
      {!isEnabled && <p class="hint">While it is disabled no new messages are made for it. Those that wait are sent when it is enabled.</p>}
      <div class="actions">
        <TestEndpoint row={row} onTested={onChanged} />
        <button type="button" onClick={() => setOpen('resend')}>Re-send…</button>
        <button type="button" onClick={() => setOpen('edit')}>Edit</button>
        <button type="button" onClick={toggle}>{isEnabled ? 'Disable' : 'Enable'}</button>
        <button type="button" onClick={() => setOpen('rotate')}>Rotate key</button>
        <button type="button" class="danger" onClick={() => setOpen('remove')}>Remove</button>
      </div>
      {open === 'edit' && <EndpointForm row={row} onClose={close} onDone={() => { close(); onChanged(); }} />}
      {open === 'resend' && <Resend id={row.id} onClose={close} onDone={() => { close(); onChanged(); }} />}
      {open === 'rotate' && (
        <Confirm
          title="Rotate the key?"
          text="A new key is made and shown once. For a day messages are signed with both, so that the other end can change over."
          action="Rotate"
          onDone={(confirmed) => { close(); if (confirmed) void rotate(); }}
        />
      )}
      {open === 'remove' && (
        <Confirm
          title={`Remove ${hostOf(row.url)}?`}
          text="It is told of nothing more, and its attempts are removed with it. Messages that wait are not sent."
          action="Remove"
          onDone={(confirmed) => { close(); if (confirmed) void drop(); }}
        />
      )}
      {secret && <Secret secret={secret} isRotated onClose={() => setSecret(undefined)} />}
    </Card>
  );
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
