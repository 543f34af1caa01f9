import type { Schemas } from '../../api/client';
import { count, counted, milliseconds, useTimes } from '../../format/format';
import { Badge, Code, Facts, Id } from '../../ui/parts';

/** What came of an attempt, with the beginning of the answer. */
export function Answer({ attempt }: { attempt: Schemas['Attempt'] }) {
  const times = useTimes();
  return (
    <>
      <p class="headline"><Badge status={attempt.state} /> {attempt.status ? `Status ${attempt.status}` : 'No answer'}</p>
      {attempt.error && <p class="problem">{attempt.error}</p>}
      <Facts
        facts={[
          ['Begun', times.full(attempt.at)],
          ['Took', milliseconds(attempt.durationMs)],
          ['Size of the answer', counted(attempt.size, 'byte')],
          ['Event type', attempt.eventType && <code>{attempt.eventType}</code>],
          ['Attempt', `${count(attempt.number)} of 10 at most`],
          ['Message', <Id text={attempt.messageId} of="the message’s id" />],
        ]}
      />
      <h3>Beginning of the answer</h3>
      {attempt.excerpt ? <Code wrap>{attempt.excerpt}</Code> : <p class="hint">It has no body.</p>}
    </>
  );
}
