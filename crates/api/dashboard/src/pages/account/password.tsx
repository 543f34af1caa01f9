import { useState } from 'preact/hooks';
import { messageOf, post } from '../../api/client';
import { t } from '../../texts';
import { Card } from '../../ui/parts';
import { useToast } from '../../ui/toasts';

export function ChangePassword() {
  const tell = useToast();
  const [oldPassword, setOld] = useState('');
  const [newPassword, setNew] = useState('');
  const [problem, setProblem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    setProblem('');
    try {
      await post('/api/v1/account/password', { oldPassword, newPassword });
      setOld('');
      setNew('');
      tell(t.account.passwordChanged);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <Card title={t.common.password}>
      <form class="narrow" onSubmit={submit}>
        <label class="field">
          <span>{t.account.oldPassword}</span>
          <input type="password" required autocomplete="current-password" value={oldPassword} onInput={(event) => setOld(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t.account.newPassword}</span>
          <input type="password" required minLength={12} maxLength={200} autocomplete="new-password" value={newPassword} onInput={(event) => setNew(event.currentTarget.value)} />
        </label>
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">{t.account.changePassword}</button></div>
      </form>
    </Card>
  );
}
