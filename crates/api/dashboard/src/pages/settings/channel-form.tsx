import { useState } from 'preact/hooks';
import { patch, post, type Schemas } from '../../api/client';
import { useTimes } from '../../format/format';
import { timeZones } from '../../format/prefs';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Select } from '../../ui/parts';

type Channel = Schemas['AlertChannel'];

const KINDS = ['email', 'slack', 'pagerduty', 'webhook'] as const;
const SEVERITIES = ['warning', 'critical'] as const;
const STATES = ['enabled', 'disabled'] as const;
const reminders = () => [['0', t.common.never], ['1', t.settings.hourly], ['4', t.settings.everyHours('4')], ['24', t.settings.daily]] as const;

/** The name of a kind of channel. */
export function kindOf(name: string): string {
  const known = KINDS.find((own) => own === name);
  return known ? t.settings.kinds[known] : name;
}

/** What a kind of channel needs, as the field for it is called. */
const needed = (kind: string) => (kind === 'email' ? t.settings.addresses : kind === 'pagerduty' ? t.settings.integrationKey : t.common.url);

/** What was entered there, as the API takes it. */
function leadsTo(kind: string, target: string) {
  if (!target.trim()) return {};
  if (kind === 'email') return { to: target.split(/[\s,;]+/).filter(Boolean) };
  return kind === 'pagerduty' ? { routingKey: target } : { url: target };
}

/** Adds a channel, or changes the one that is given. */
export function ChannelForm({ channel, onClose, onDone }: { channel?: Channel; onClose: () => void; onDone: (secret?: string) => void }) {
  const { companies, company: looked, isAdministrator } = useSession();
  const { zone: own } = useTimes();
  const [name, setName] = useState(channel?.name ?? '');
  const [company, setCompany] = useState(looked ?? '');
  const [kind, setKind] = useState<string>(channel?.kind ?? 'email');
  const [target, setTarget] = useState('');
  const [severity, setSeverity] = useState<string>(channel?.minSeverity ?? 'warning');
  const [hours, setHours] = useState(String(channel?.reminderHours ?? 0));
  const [state, setState] = useState<string>(channel?.state ?? 'enabled');
  const [from, setFrom] = useState(channel?.quietHours?.from ?? '');
  const [until, setUntil] = useState(channel?.quietHours?.until ?? '');
  const [zone, setZone] = useState(channel?.quietHours?.zone ?? own);

  // The same minute twice means that there are none.
  const quiet = { from: from || '00:00', until: from ? until : '00:00', zone };
  const quietHours = from || channel?.quietHours ? quiet : undefined;
  const { submit, problem, isBusy } = useSubmit(async () => {
    const chosen = { name, minSeverity: severity, reminderHours: Number(hours), quietHours, ...leadsTo(kind, target) };
    if (channel) {
      await patch('/api/v1/alert-channels/{id}', { ...chosen, state }, { path: { id: channel.id } });
      onDone();
    } else {
      const made = await post('/api/v1/alert-channels', { ...chosen, kind, company: company || undefined });
      onDone(made.data.secret ?? undefined);
    }
  });

  const names = [...new Set([...timeZones(), zone])];
  const stays = channel ? t.settings.stays(channel.target) : undefined;
  const usual = reminders();
  const offered = usual.some(([value]) => value === hours) ? usual : [...usual, [hours, t.settings.everyHours(hours)] as const];
  return (
    <Dialog title={channel ? t.settings.changeOf(channel.name) : t.settings.newChannel} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>{t.common.name}</span><input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        {isAdministrator && !channel && (
          <Select label={t.settings.alertsOf} value={company} options={[['', t.settings.platform], ...companies.map((own) => [own.slug, own.name] as const)]} onChange={setCompany} />
        )}
        {!channel && <Select label={t.common.kind} value={kind} options={KINDS.map((own) => [own, t.settings.kinds[own]] as const)} onChange={setKind} />}
        <label class="field">
          <span>{needed(kind)}</span>
          <input required={!channel} placeholder={stays} autoComplete="off" value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
        </label>
        <Select label={t.settings.fromSeverity} value={severity} options={SEVERITIES.map((own) => [own, t.settings.severities[own]] as const)} onChange={setSeverity} />
        <Select label={t.settings.remind} value={hours} options={offered} onChange={setHours} />
        <fieldset>
          <legend>{t.settings.quietHours}</legend>
          <label class="field"><span>{t.settings.quietFrom}</span><input type="time" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
          <label class="field"><span>{t.settings.quietUntil}</span><input type="time" required={Boolean(from)} value={until} onInput={(event) => setUntil(event.currentTarget.value)} /></label>
          <Select label={t.settings.zone} value={zone} options={names.map((name) => [name, name] as const)} onChange={setZone} />
        </fieldset>
        {channel && <Select label={t.common.state} value={state} options={STATES.map((own) => [own, t.settings.states[own]] as const)} onChange={setState} />}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{channel ? t.common.save : t.settings.addChannel}</button></div>
      </form>
    </Dialog>
  );
}
