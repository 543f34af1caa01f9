import { useState } from 'preact/hooks';
import { patch, post } from '../../api/client';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Select } from '../../ui/parts';
import type { Endpoint } from './endpoint';

/** What an endpoint can be told of. */
export const EVENT_TYPES = ['transaction.created', 'transaction.updated', 'account.updated', 'webhook.unreadable', 'reconciliation.difference'] as const;

/** What a URL may look like. */
const EXAMPLE = 'https://shop.example/hooks';

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

  const { submit, problem, isBusy } = useSubmit(async () => {
    const eventTypes = isAll ? ['*'] : types;
    if (eventTypes.length === 0) return t.endpoints.chooseType;
    const asked = { url: url.trim(), description: description.trim(), eventTypes, rate: Number(rate) || 0 };
    if (row) {
      onDone((await patch('/api/v1/endpoints/{id}', asked, { path: { id: row.id } })).data);
    } else {
      const made = (await post('/api/v1/endpoints', { ...asked, company: isAdministrator ? slug : undefined })).data;
      onDone(made, made.secret);
    }
    return undefined;
  });

  return (
    <Dialog title={row ? t.endpoints.editEndpoint : t.endpoints.newEndpoint} onClose={onClose}>
      <form onSubmit={submit}>
        {!row && isAdministrator && (
          <Select label={t.common.company} value={slug} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setSlug} />
        )}
        <label class="field">
          <span>{t.common.url}</span>
          <input type="url" required maxLength={2048} placeholder={EXAMPLE} value={url} onInput={(event) => setUrl(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t.endpoints.descriptionField}</span>
          <input maxLength={255} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        </label>
        <fieldset>
          <legend>{t.endpoints.eventTypes}</legend>
          <label class="check">
            <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} />
            <span>{t.endpoints.allTypes}</span>
          </label>
          {EVENT_TYPES.map((name) => (
            <label class="check" key={name}>
              <input
                type="checkbox"
                disabled={isAll}
                checked={isAll || types.includes(name)}
                onChange={(event) => setTypes((old) => (event.currentTarget.checked ? [...old, name] : old.filter((other) => other !== name)))}
              />
              <span><code>{name}</code> <span class="hint">{t.endpoints.types[name]}</span></span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          <span>{t.endpoints.rateField}</span>
          <input type="number" min={1} max={10_000} value={rate} onInput={(event) => setRate(event.currentTarget.value)} />
        </label>
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{row ? t.common.save : t.endpoints.addEndpoint}</button></div>
      </form>
    </Dialog>
  );
}
