import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import { t } from '../../texts';
import { useSubmit } from '../../ui/form';
import { Card } from '../../ui/parts';
import { useToast } from '../../ui/toasts';
import { sayWrong } from './wrong';

export function ChangePassword() {
  const tell = useToast();
  const [oldPassword, setOld] = useState('');
  const [newPassword, setNew] = useState('');
  const { submit, problem, isBusy } = useSubmit(async () => {
    await post('/api/v1/account/password', { oldPassword, newPassword });
    setOld('');
    setNew('');
    tell(t.account.passwordChanged);
  }, sayWrong);
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
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.account.changePassword}</button></div>
      </form>
    </Card>
  );
}
