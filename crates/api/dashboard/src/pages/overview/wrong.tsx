import { useQuery } from '../../api/query';
import { words } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Badge } from '../../ui/parts';

const EVERY = 60_000;

/** What is wrong with the one company that is looked at, above everything else; of several nothing is told here. */
export function Wrong() {
  const { company, isAdministrator } = useSession();
  return isAdministrator && !company ? null : <Standing company={company} />;
}

function Standing({ company }: { company: string | undefined }) {
  const query = useQuery('/api/v1/alerts', { query: { company } }, EVERY);
  // Where it is not known, the figures beneath are shown all the same.
  const alerts = query.data?.data.alerts ?? [];
  if (alerts.length === 0) return null;
  return (
    <section class="failure" role="alert" aria-label={t.overview.alerts}>
      {alerts.map(({ alert, severity, message, action }) => (
        <div key={alert}>
          <p><Badge status={severity} /> <strong>{t.overview.alert(words(alert.split(':')[0]))}</strong> {message}</p>
          <p class="hint">{action}</p>
        </div>
      ))}
    </section>
  );
}
