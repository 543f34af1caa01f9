import { useState } from 'preact/hooks';
import { messageOf, patch, post } from '../../api/client';
import { useSession } from '../../session';
import { Dialog, Select } from '../../ui/parts';
import type { Endpoint } from '../endpoints';

/** What an endpoint can be told of, in words. */
export const EVENT_TYPES = [
  ['transaction.created', 'A transaction is new'],
  ['transaction.updated', 'A transaction changed'],
  ['account.updated', 'An account is new or changed'],
  ['webhook.unreadable', 'A webhook could not be read or stored'],
  ['reconciliation.difference', 'A comparison with a report found differences'],
] as const;

/** Adds an endpoint, or changes `row`. `onDone` gets it as it is now, and the secret of a new one. */
export function EndpointForm({ row, onClose, onDone }: {
  row?: Endpoint;
  onClose: () => void;
  onDone: (row: Endpoint, secret?: string) => void;
}) {
  const { companies, company, isAdministrator } = useSession();
  const [slug, setSlug] = useState(company ?? companies[0]?.slug ?? '');
  const [url, setUrl] = useState(row?.url ?? '');
  const [description, setDescription] = useState(row?.description ?? '');
  const [isAll, setAll] = useState(row?.eventTypes.includes('*') ?? true);
  const [types, setTypes] = useState<string[]>(row?.eventTypes.filter((type) => type !== '*') ?? []);
  const [rate, setRate] = useState(row?.rate ? String(row.rate) : '');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    const eventTypes = isAll ? ['*'] : types;
    if (eventTypes.length === 0) {
      setProblem('Choose an event type, or all.');
      return;
    }
    setBusy(true);
    const asked = { url: url.trim(), description: description.trim(), eventTypes, rate: Number(rate) || 0 };
    try {
      if (row) {
        onDone((await patch('/api/v1/endpoints/{id}', asked, { path: { id: row.id } })).data);
      } else {
        const made = (await post('/api/v1/endpoints', { ...asked, company: isAdministrator ? slug : undefined })).data;
        onDone(made, made.secret);
      }
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <Dialog title={row ? 'Edit endpoint' : 'New endpoint'} onClose={onClose}>
      <form onSubmit={submit}>
        {!row && isAdministrator && (
          <Select label="Company" value={slug} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setSlug} />
        )}
        <label class="field">
          <span>URL</span>
          <input type="url" required maxLength={2048} placeholder="https://shop.example/hooks" value={url} onInput={(event) => setUrl(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Description, for people</span>
          <input maxLength={255} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        </label>
        <fieldset>
          <legend>Event types</legend>
          <label class="check">
            <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} />
            <span>All, also those that later versions add</span>
          </label>
          {EVENT_TYPES.map(([name, what]) => (
            <label class="check" key={name}>
              <input
                type="checkbox"
                disabled={isAll}
                checked={isAll || types.includes(name)}
                onChange={(event) => setTypes((old) => (event.currentTarget.checked ? [...old, name] : old.filter((other) => other !== name)))}
              />
              <span><code>{name}</code> <span class="hint">{what}</span></span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          <span>Messages per second at most (empty: as many as there are)</span>
          <input type="number" min={1} max={10_000} value={rate} onInput={(event) => setRate(event.currentTarget.value)} />
        </label>
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{row ? 'Save' : 'Add endpoint'}</button></div>
      </form>
    </Dialog>
  );
}
