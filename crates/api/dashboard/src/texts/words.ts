/** The words that the API answers with and a page shows. English shows them as they are; every other language has each of them. */
export type Known =
  // Statuses, kinds and modes of transactions, and stages of accounts.
  | 'COMPLETED' | 'PENDING' | 'FAILED' | 'RETURNED' | 'CANCELLED' | 'PAYMENT' | 'REFUND' | 'CHARGEBACK' | 'SETTLEMENT' | 'PAYOUT'
  | 'VERIFICATION' | 'WON' | 'LOST' | 'live' | 'test' | 'SUBMITTED' | 'IN_REVIEW' | 'APPROVED' | 'ACTIVE' | 'ENABLED' | 'DISABLED'
  | 'CLOSED' | 'UNKNOWN' | 'ACH' | 'BACS' | 'CARD' | 'EFT' | 'SEPA' | 'credit_card' | 'direct_debit' | 'transaction' | 'account' | 'other'
  // States of what the platform has.
  | 'healthy' | 'operational' | 'degraded' | 'away' | 'critical' | 'warning' | 'stalled' | 'paused' | 'active' | 'enabled' | 'disabled'
  | 'delivered' | 'failed' | 'failing' | 'unreadable' | 'refused' | 'conflict' | 'running' | 'finished' | 'stopped' | 'open' | 'ignored'
  | 'taken-over' | 'missingHere' | 'missingThere' | 'differing' | 'malformed' | 'ending' | 'no-key' | 'off' | 'this-session'
  | 'locked-out' | 'revoked' | 'expired'
  | 'read-only' | 'member' | 'company-administrator' | 'administrator'
  // Fields that a report and we may tell differently.
  | 'amount' | 'currency' | 'status' | 'kind' | 'time' | 'id' | 'merchantRefNum'
  // Stages of the throughput.
  | 'accepted' | 'duplicates' | 'processed' | 'responses'
  // Cached responses.
  | 'transactions' | 'transactions totals' | 'accounts' | 'events' | 'event' | 'analytics hour' | 'analytics day' | 'analytics week'
  | 'analytics month' | 'analytics span'
  // Alerts.
  | 'database-away' | 'database-writes' | 'redis-away' | 'no-live-worker' | 'queue-backlog' | 'oldest-job' | 'failure-rate'
  | 'dead-letters' | 'figures-differ' | 'receiver-failing' | 'cache-hit-rate' | 'redis-memory' | 'redis-persistence' | 'chargebacks'
  | 'silence' | 'late-webhooks' | 'redeliveries' | 'endpoint-failing';
