import { useState } from 'preact/hooks';
import { messageOf, patch, post, type Schemas } from '../../api/client';
import { useTimes } from '../../format/format';
import { timeZones } from '../../format/prefs';
import { useSession } from '../../session';
import { Dialog, Select } from '../../ui/parts';

type Channel = Schemas['AlertChannel'];

export const KINDS = [['email', 'E-mail'], ['slack', 'Slack or compatible'], ['pagerduty', 'PagerDuty'], ['webhook', 'Signed webhook']] as const;
const SEVERITIES = [['warning', 'Warnings, too'], ['critical', 'Critical alone']] as const;
const REMINDERS = [['0', 'never'], ['1', 'every hour'], ['4', 'every 4 hours'], ['24', 'every day']] as const;
const STATES = [['enabled', 'Enabled'], ['disabled', 'Disabled']] as const;

/** What a kind of channel needs, as the field for it is called. */
const needed = (kind: string) => (kind === 'email' ? 'Addresses' : kind === 'pagerduty' ? 'Integration key' : 'URL');

/** What was entered there, as the API takes it. */
function leadsTo(kind: string, target: string) {
  if (!target.trim()) return {};
  if (kind === 'email') return { to: target.split(/[\s,;]+/).filter(Boolean) };
  return kind === 'pagerduty' ? { routingKey: target } : { url: target };
}

/** Adds a channel, or changes the one that is given. */
export function ChannelForm({ channel, onClose, onDone }: { channel?: Channel; onClose: () => void; onDone: (secret?: string) => void }) {
  const { companies, isAdministrator } = useSession();
  const { zone: own } = useTimes();
  const [name, setName] = useState(channel?.name ?? '');
  const [company, setCompany] = useState('');
  const [kind, setKind] = useState<string>(channel?.kind ?? 'email');
  const [target, setTarget] = useState('');
  const [severity, setSeverity] = useState<string>(channel?.minSeverity ?? 'warning');
  const [hours, setHours] = useState(String(channel?.reminderHours ?? 0));
  const [state, setState] = useState<string>(channel?.state ?? 'enabled');
  const [from, setFrom] = useState(channel?.quietHours?.from ?? '');
  const [until, setUntil] = useState(channel?.quietHours?.until ?? '');
  const [zone, setZone] = useState(channel?.quietHours?.zone ?? own);
  const [problem, setProblem] = useState('');

  // The same minute twice means that there are none.
  const quiet = { from: from || '00:00', until: from ? until : '00:00', zone };
  const quietHours = from || channel?.quietHours ? quiet : undefined;
  const submit = async (event: Event) => {
    event.preventDefault();
    const chosen = { name, minSeverity: severity, reminderHours: Number(hours), quietHours, ...leadsTo(kind, target) };
    try {
      if (channel) {
        await patch('/api/v1/alert-channels/{id}', { ...chosen, state }, { path: { id: channel.id } });
        onDone();
      } else {
        const made = await post('/api/v1/alert-channels', { ...chosen, kind, company: company || undefined });
        onDone(made.data.secret ?? undefined);
      }
    } catch (error) {
      setProblem(messageOf(error));
    }
  };

  const names = [...new Set([...timeZones(), zone])];
  const stays = channel ? `stays ${channel.target}` : undefined;
  const reminders = REMINDERS.some(([value]) => value === hours) ? REMINDERS : [...REMINDERS, [hours, `every ${hours} hours`] as const];
  return (
    <Dialog title={channel ? `Change ${channel.name}` : 'New channel'} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>Name</span><input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        {isAdministrator && !channel && (
          <Select label="Alerts of" value={company} options={[['', 'The platform'], ...companies.map((own) => [own.slug, own.name] as const)]} onChange={setCompany} />
        )}
        {!channel && <Select label="Kind" value={kind} options={KINDS} onChange={setKind} />}
        <label class="field">
          <span>{needed(kind)}</span>
          <input required={!channel} placeholder={stays} autoComplete="off" value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
        </label>
        <Select label="From severity" value={severity} options={SEVERITIES} onChange={setSeverity} />
        <Select label="Remind" value={hours} options={reminders} onChange={setHours} />
        <fieldset>
          <legend>Quiet hours: only what is critical is told</legend>
          <label class="field"><span>From</span><input type="time" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
          <label class="field"><span>Until</span><input type="time" required={Boolean(from)} value={until} onInput={(event) => setUntil(event.currentTarget.value)} /></label>
          <Select label="Zone" value={zone} options={names.map((name) => [name, name] as const)} onChange={setZone} />
        </fieldset>
        {channel && <Select label="State" value={state} options={STATES} onChange={setState} />}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">{channel ? 'Save' : 'Add channel'}</button></div>
      </form>
    </Dialog>
  );
}
