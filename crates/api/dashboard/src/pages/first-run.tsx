import { useState } from 'preact/hooks';
import { useQuery } from '../api/query';
import { href } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { Card, Code, Select } from '../ui/parts';
import { TestButton, urlOfReceiver } from './settings/receivers';

/** Nothing has come yet: how the first webhook is sent. Turns into the overview when it arrives. */
export function FirstRun({ onTested }: { onTested: () => void }) {
  const { companies, may, isAdministrator, company } = useSession();
  const [chosen, setChosen] = useState(company ?? companies[0]?.slug ?? '');
  const slug = chosen || companies[0]?.slug;
  const path = slug ? `/api/webhooks/netbanx/${slug}` : '/api/webhooks/netbanx';
  const url = urlOfReceiver({ url: null, path });
  const body = `{"id":"first-1","eventType":"PAYMENT_COMPLETED","eventData":{"id":"first-1","merchantRefNum":"order-1","amount":1999,"currencyCode":"EUR","status":"COMPLETED"}}`;
  const curl = [
    `KEY='${t.firstRun.yourKey}'`,
    `BODY='${body}'`,
    `curl ${url} -H 'Content-Type: application/json' \\`,
    // Not a text: a command.
    '  -H "Signature: $(printf %s "$BODY" | openssl dgst -sha256 -hmac "$KEY" -binary | base64)" -d "$BODY"',
  ].join('\n');
  return (
    <>
      <h1 tabIndex={-1}>{t.firstRun.title}</h1>
      <p class="lead">{t.firstRun.lead}</p>
      {isAdministrator && companies.length > 1 && (
        <Select label={t.firstRun.forCompany} value={slug ?? ''} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setChosen} />
      )}
      {companies.length === 0 && (
        <Card title={t.firstRun.addCompany}><Code>{`netbanx company add '${t.firstRun.yourCompany}' --slug yours`}</Code></Card>
      )}
      <Card title={t.firstRun.paste}><Code>{url}</Code></Card>
      <Card title={t.firstRun.sameKey}>
        {may('manage:secrets')
          ? <p>{t.firstRun.makeKey((text) => <a href={href('settings', 'receivers')}>{text}</a>)}</p>
          : <p>{t.firstRun.askForKey}</p>}
      </Card>
      <Card title={t.firstRun.send}>
        <p>{t.firstRun.fromShell}</p>
        <Code>{curl}</Code>
        <p>{t.firstRun.byCommand}</p>
        <Code>{`netbanx send --count 20 --url ${url} --key '${t.firstRun.yourKey}'`}</Code>
        {may('manage:secrets') && slug && (
          <p>{t.firstRun.fromHere} <Receiver slug={slug} onTested={onTested} /></p>
        )}
      </Card>
    </>
  );
}

function Receiver({ slug, onTested }: { slug: string; onTested: () => void }) {
  const query = useQuery('/api/v1/receivers', { query: { company: slug } });
  const receiver = query.data?.data.receivers.find((own) => own.endpoint === 'netbanx');
  return receiver ? <TestButton receiver={receiver} onTested={onTested} /> : null;
}
