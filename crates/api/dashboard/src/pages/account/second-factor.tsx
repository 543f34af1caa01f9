import { useState } from 'preact/hooks';
import { messageOf, post, type Schemas } from '../../api/client';
import { useTimes } from '../../format/format';
import { Badge, Card, Dialog } from '../../ui/parts';
import { useToast } from '../../ui/toasts';
import { RecoveryCodes, SetUp } from './set-up';

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
    <Card title="Second factor" aside={<Badge status={state.enabled ? 'active' : 'off'} />}>
      {state.enabled ? (
        <>
          <p>On since {times.short(state.since)}. You have {state.recoveryCodesLeft} unused recovery {state.recoveryCodesLeft === 1 ? 'code' : 'codes'}.</p>
          <div class="actions">
            <button type="button" onClick={() => setOpen('renew')}>New recovery codes</button>
            <button type="button" onClick={() => setOpen('off')}>Turn off</button>
          </div>
        </>
      ) : (
        <>
          <p>With a second factor a stolen password alone opens nothing: you sign in with your password and a code of an app on your phone.</p>
          <div class="actions"><button type="button" class="primary" onClick={() => setOpen('set-up')}>Set up</button></div>
        </>
      )}
      {open === 'set-up' && <Dialog title="Set up a second factor" onClose={close}><SetUp onDone={close} /></Dialog>}
      {open === 'renew' && (
        <Dialog title="New recovery codes" onClose={close}>
          {codes ? <RecoveryCodes codes={codes} onDone={close} /> : (
            <ShowCode
              text="The codes that you have do not count any more then."
              action="Get new codes"
              work={async (code) => setCodes((await post('/api/v1/account/second-factor/recovery-codes', { code })).data.recoveryCodes)}
            />
          )}
        </Dialog>
      )}
      {open === 'off' && (
        <Dialog title="Turn the second factor off" onClose={close}>
          <ShowCode
            text={state.demanded ? 'It is demanded of you: set it up again at once, for example on a new phone.' : 'Your password alone signs you in then.'}
            action="Turn off"
            work={async (code) => {
              await post('/api/v1/account/second-factor/off', { code });
              tell('The second factor is off');
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
  const [problem, setProblem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    setProblem('');
    try {
      await work(code);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <form onSubmit={submit}>
      <p>{text}</p>
      <label class="field">
        <span>Code of your app, or a recovery code</span>
        <input required maxLength={64} autocomplete="one-time-code" spellcheck={false} value={code} onInput={(event) => setCode(event.currentTarget.value)} />
      </label>
      <p role="alert" class="problem">{problem}</p>
      <div class="actions"><button type="submit" class="primary">{action}</button></div>
    </form>
  );
}
