import { useState } from 'preact/hooks';
import { useQuery } from '../api/query';
import { href } from '../router';
import { useSession } from '../session';
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
    "KEY='your key'",
    `BODY='${body}'`,
    `curl ${url} -H 'Content-Type: application/json' \\`,
    '  -H "Signature: $(printf %s "$BODY" | openssl dgst -sha256 -hmac "$KEY" -binary | base64)" -d "$BODY"',
  ].join('\n');
  return (
    <>
      <h1 tabIndex={-1}>Waiting for the first webhook</h1>
      <p class="lead">Nothing has been received yet. This page turns into the overview as soon as something arrives.</p>
      {isAdministrator && companies.length > 1 && (
        <Select label="For company" value={slug ?? ''} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setChosen} />
      )}
      {companies.length === 0 && (
        <Card title="0. Add a company"><Code>{"netbanx company add 'Your company' --slug yours"}</Code></Card>
      )}
      <Card title="1. Paste this address into the Netbanx portal"><Code>{url}</Code></Card>
      <Card title="2. Give both sides the same key">
        {may('manage:secrets')
          ? <p>Make one, or enter the portal's own, under <a href={href('settings', 'receivers')}>Settings, Receivers</a>. It is shown once.</p>
          : <p>Ask an administrator of your company to set it under Settings, Receivers.</p>}
      </Card>
      <Card title="3. Send a webhook">
        <p>From a shell:</p>
        <Code>{curl}</Code>
        <p>Or many, realistic and signed, with the operator's command:</p>
        <Code>{`netbanx send --count 20 --url ${url} --key 'your key'`}</Code>
        {may('manage:secrets') && slug && (
          <p>Or from here, signed with the receiver's key: <Receiver slug={slug} onTested={onTested} /></p>
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
