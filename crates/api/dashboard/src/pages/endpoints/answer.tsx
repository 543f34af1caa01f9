import type { Schemas } from '../../api/client';
import { milliseconds, useTimes } from '../../format/format';
import { t } from '../../texts';
import { Badge, Code, Facts, Id } from '../../ui/parts';

/** What came of an attempt, with the beginning of the answer. */
export function Answer({ attempt }: { attempt: Schemas['Attempt'] }) {
  const times = useTimes();
  return (
    <>
      <p class="headline"><Badge status={attempt.state} /> {attempt.status ? t.common.statusOf(attempt.status) : t.endpoints.noAnswer}</p>
      {attempt.error && <p class="problem">{attempt.error}</p>}
      <Facts
        facts={[
          [t.endpoints.begun, times.full(attempt.at)],
          [t.endpoints.took, milliseconds(attempt.durationMs)],
          [t.endpoints.answerSize, t.endpoints.bytes(attempt.size)],
          [t.endpoints.eventType, attempt.eventType && <code>{attempt.eventType}</code>],
          [t.endpoints.attempt, t.endpoints.ofTen(attempt.number)],
          [t.endpoints.message, <Id text={attempt.messageId} of={t.endpoints.theMessageId} />],
        ]}
      />
      <h3>{t.endpoints.answerBegins}</h3>
      {attempt.excerpt ? <Code wrap>{attempt.excerpt}</Code> : <p class="hint">{t.endpoints.noBody}</p>}
    </>
  );
}
