import { useQuery } from '../api/query';
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
      <h1 tabIndex={-1}>Your account</h1>
      <Card title="You">
        <Facts facts={[['E-mail', identity.email], ['Role', identity.role && words(identity.role)], ['Company', identity.companyId ? nameOf(identity.companyId) : 'All companies']]} />
      </Card>
      <OwnSessions />
      {query.error && !state && <Failure error={query.error} retry={query.reload} />}
      {!state && !query.error && <Loading />}
      {state && !state.hasPassword && <Card title="Password and second factor"><p>Your provider signs you in: both are there.</p></Card>}
      {state?.hasPassword && (
        <>
          <SecondFactor state={state} onChanged={query.reload} />
          <ChangePassword />
        </>
      )}
    </>
  );
}
