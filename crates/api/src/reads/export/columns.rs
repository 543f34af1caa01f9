//! The columns of CSV files, by the names of JSON.

pub(super) const TRANSACTIONS: &[&str] = &[
    "transactionTime",
    "id",
    "externalId",
    "kind",
    "status",
    "amount",
    "currency",
    "merchantRefNum",
    "paymentMethod",
    "accountId",
    "failureReason",
    "outcome",
    "mode",
    "statusTime",
];
/// All but what must be asked for, which comes last.
pub(super) const EVENTS: &[&str] = without_last(EVENTS_WITH_BODIES);
pub(super) const EVENTS_WITH_BODIES: &[&str] = &[
    "receivedAt",
    "id",
    "eventName",
    "endpoint",
    "category",
    "kind",
    "mode",
    "resourceId",
    "accountId",
    "merchantRefNum",
    "companyId",
    "identity",
    "statusTime",
    "payload",
];
pub(super) const ACCOUNTS: &[&str] = without_last(ACCOUNTS_WITH_METHODS);
pub(super) const AUDIT: &[&str] =
    &["at", "sequence", "actor", "companyId", "action", "address", "detail", "id", "hash", "actorName"];
pub(super) const ACCOUNTS_WITH_METHODS: &[&str] = &[
    "updatedAt",
    "id",
    "externalId",
    "status",
    "onboardingStage",
    "partnerId",
    "companyId",
    "mode",
    "statusTime",
    "createdAt",
    "paymentMethods",
];
const fn without_last(columns: &'static [&'static str]) -> &'static [&'static str] {
    match columns.split_last() {
        Some((_last, others)) => others,
        None => &[],
    }
}

pub(super) const GROUPS: &[&str] = &[
    "key",
    "currency",
    "total",
    "completed",
    "failed",
    "pending",
    "cancelled",
    "returned",
    "approvalRate",
    "count",
    "completedAmount",
    "refundedAmount",
    "chargebackAmount",
    "netAmount",
];
pub(super) const FIGURES: &[&str] = &[
    "start",
    "currency",
    "total",
    "completed",
    "failed",
    "count",
    "completedAmount",
    "refundedAmount",
    "chargebackAmount",
    "netAmount",
];
