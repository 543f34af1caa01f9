import { useState } from 'preact/hooks';
import { post, type Schemas } from '../../api/client';
import { useTimes } from '../../format/format';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Badge, Card } from '../../ui/parts';
import { useToast } from '../../ui/toasts';
import { RecoveryCodes, SetUp } from './set-up';
import { sayWrong } from './wrong';

type State = Schemas['SecondFactorState'];

/** Codes of an app beside the password: set up, renewed, turned off. */
export function SecondFactor({ state, onChanged }: { state: State; onChanged: () => void }) {
  const times = useTimes();
  const tell = useToast();
  const [open, setOpen] = useState<'set-up' | 'renew' | 'off'>();
  const [codes, setCodes] = useState<string[]>();
  const close = () => {
    setOpen(undefined);
    setCodes(undefined);
    onChanged();
  };
  return (
    <Card title={t.account.secondFactor} aside={<Badge status={state.enabled ? 'active' : 'off'} />}>
      {state.enabled ? (
        <>
          <p>{t.account.onSince(times.short(state.since), state.recoveryCodesLeft)}</p>
          <div class="actions">
            <button type="button" onClick={() => setOpen('renew')}>{t.account.newCodes}</button>
            <button type="button" onClick={() => setOpen('off')}>{t.account.turnOff}</button>
          </div>
        </>
      ) : (
        <>
          <p>{t.account.why}</p>
          <div class="actions"><button type="button" class="primary" onClick={() => setOpen('set-up')}>{t.account.setUp}</button></div>
        </>
      )}
      {open === 'set-up' && <Dialog title={t.account.setUpFactor} onClose={close}><SetUp onDone={close} /></Dialog>}
      {open === 'renew' && (
        <Dialog title={t.account.newCodes} onClose={close}>
          {codes ? <RecoveryCodes codes={codes} onDone={close} /> : (
            <ShowCode
              text={t.account.newCodesHint}
              action={t.account.getCodes}
              work={async (code) => setCodes((await post('/api/v1/account/second-factor/recovery-codes', { code })).data.recoveryCodes)}
            />
          )}
        </Dialog>
      )}
      {open === 'off' && (
        <Dialog title={t.account.turnOffTitle} onClose={close}>
          <ShowCode
            text={state.demanded ? t.account.turnOffDemanded : t.account.turnOffHint}
            action={t.account.turnOff}
            work={async (code) => {
              await post('/api/v1/account/second-factor/off', { code });
              tell(t.account.isOff);
              // Where it is demanded nothing but its set-up is open now.
              if (state.demanded) location.reload();
              else close();
            }}
          />
        </Dialog>
      )}
    </Card>
  );
}

/** Asks for a code before a change. */
function ShowCode({ text, action, work }: { text: string; action: string; work: (code: string) => Promise<void> }) {
  const [code, setCode] = useState('');
  const { submit, problem, isBusy } = useSubmit(() => work(code), sayWrong);
  return (
    <form onSubmit={submit}>
      <p>{text}</p>
      <label class="field">
        <span>{t.account.code}</span>
        <input required maxLength={64} autocomplete="one-time-code" spellcheck={false} value={code} onInput={(event) => setCode(event.currentTarget.value)} />
      </label>
      <p role="alert" class="problem">{problem}</p>
      <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{action}</button></div>
    </form>
  );
}
