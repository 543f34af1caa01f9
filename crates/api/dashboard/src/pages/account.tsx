import { useQuery } from '../api/query';
import { t } from '../texts';
import { Card, Facts, Failure, Loading } from '../ui/parts';
import { words } from '../format/format';
import { useSession } from '../session';
import { ChangePassword } from './account/password';
import { SecondFactor } from './account/second-factor';
import { OwnSessions } from './account/sessions';

/** What one sees and changes of one's own account. */
export function Account() {
  const { identity, nameOf } = useSession();
  const query = useQuery('/api/v1/account/second-factor');
  const state = query.data?.data;
  return (
    <>
      <h1 tabIndex={-1}>{t.account.title}</h1>
      <Card title={t.account.you}>
        <Facts facts={[[t.common.email, identity.email], [t.common.role, identity.role && words(identity.role)], [t.common.company, identity.companyId ? nameOf(identity.companyId) : t.common.allCompanies]]} />
      </Card>
      <OwnSessions />
      {query.error && !state && <Failure error={query.error} retry={query.reload} />}
      {!state && !query.error && <Loading />}
      {state && !state.hasPassword && <Card title={t.account.passwordAndFactor}><p>{t.account.byProvider}</p></Card>}
      {state?.hasPassword && (
        <>
          <SecondFactor state={state} onChanged={query.reload} />
          <ChangePassword />
        </>
      )}
    </>
  );
}
