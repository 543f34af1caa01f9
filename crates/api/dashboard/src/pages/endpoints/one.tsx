import { useState } from 'preact/hooks';
import { patch, post, remove } from '../../api/client';
import { useQuery } from '../../api/query';
import { count, milliseconds, percent, useTimes } from '../../format/format';
import { href, navigate } from '../../router';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Confirm } from '../../ui/dialog';
import { Card, Copied, Facts, Failure, Figure, Loading } from '../../ui/parts';
import { useAction } from '../../ui/toasts';
import { State, typesOf, type Endpoint } from './endpoint';
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
        <a href={href('endpoints')}>{t.endpoints.allEndpoints}</a>
        <h1 tabIndex={-1}>{row ? hostOf(row.url) : t.endpoints.endpoint}</h1>
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={6} />}
      {row && (
        <>
          <div class="tiles">
            <Figure name={t.endpoints.successLastDay} value={percent(row.successRate)} isBad={row.successRate !== null && row.successRate !== undefined && row.successRate < 0.5} />
            <Figure name={t.endpoints.meanTime} value={milliseconds(row.meanDurationMs)} />
            <Figure name={t.endpoints.attemptsLastDay} value={count(row.attempts)} />
            <Figure name={t.endpoints.waiting} value={count(row.pending)} />
            <Figure name={t.endpoints.failedForGood} value={count(row.failed)} isBad={row.failed > 0} />
          </div>
          <About row={row} onChanged={changed} />
          <h2>{t.endpoints.attempts}</h2>
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
    act(isEnabled ? t.endpoints.disabledNow : t.endpoints.enabledNow, () => patch('/api/v1/endpoints/{id}', { state: isEnabled ? 'disabled' : 'enabled' }, { path }))
      .then((done) => done && onChanged());
  const rotate = () =>
    act('', async () => setSecret((await post('/api/v1/endpoints/{id}/rotate', undefined as never, { path })).data.secret)).then(onChanged);
  const drop = () =>
    act(t.endpoints.endpointRemoved, () => remove('/api/v1/endpoints/{id}', { path })).then((done) => done && navigate(href('endpoints'), true));

  return (
    <Card title={t.endpoints.endpoint} aside={<State row={row} time={times.short} />}>
      <div class="copied"><code class="break">{row.url}</code><Copied text={row.url} label={t.common.copyUrl} /></div>
      <Facts
        facts={[
          [t.endpoints.description, row.description],
          [t.endpoints.eventTypes, typesOf(row)],
          [t.endpoints.perSecond, row.rate ? t.endpoints.atMost(row.rate) : t.endpoints.asMany],
          [t.common.company, nameOf(row.companyId)],
          [t.endpoints.added, times.full(row.createdAt)],
          ...(row.previousKeyUntil ? [[t.endpoints.previousKey, times.full(row.previousKeyUntil)] as const] : []),
        ]}
      />
      {!isEnabled && <p class="hint">{t.endpoints.whileDisabled}</p>}
      <div class="actions">
        <TestEndpoint row={row} onTested={onChanged} />
        <button type="button" onClick={() => setOpen('resend')}>{t.endpoints.resendMany}</button>
        <button type="button" onClick={() => setOpen('edit')}>{t.endpoints.edit}</button>
        <button type="button" onClick={toggle}>{isEnabled ? t.endpoints.disable : t.endpoints.enable}</button>
        <button type="button" onClick={() => setOpen('rotate')}>{t.endpoints.rotateKey}</button>
        <button type="button" class="danger" onClick={() => setOpen('remove')}>{t.common.remove}</button>
      </div>
      {open === 'edit' && <EndpointForm row={row} onClose={close} onDone={() => { close(); onChanged(); }} />}
      {open === 'resend' && <Resend id={row.id} onClose={close} onDone={() => { close(); onChanged(); }} />}
      {open === 'rotate' && (
        <Confirm
          title={t.endpoints.rotateAsk}
          text={t.endpoints.rotateWhat}
          action={t.endpoints.rotate}
          onDone={(confirmed) => { close(); if (confirmed) void rotate(); }}
        />
      )}
      {open === 'remove' && (
        <Confirm
          title={t.endpoints.removeAsk(hostOf(row.url))}
          text={t.endpoints.removeWhat}
          action={t.common.remove}
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
