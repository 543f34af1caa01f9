//! The parameters of each operation, as the document describes them. `crate::http::params` checks them.
#![allow(dead_code, reason = "the fields are read by the derive alone")]

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where a list begins and how long it is.
macro_rules! listed {
    ($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(IntoParams)]
        #[into_params(parameter_in = Query)]
        #[allow(non_snake_case, reason = "the names of the contract")]
        pub(crate) struct $name {
            /// The page's number. Behind 10,000 rows `cursor` goes on.
            #[param(minimum = 1, default = 1)]
            page: Option<u32>,
            /// Rows on a page.
            #[param(minimum = 1, maximum = 100, default = 20)]
            limit: Option<u8>,
            /// The `nextCursor` of another page: go on behind it.
            cursor: Option<String>,
            /// For administrators: rows of this company alone, by slug or id.
            #[param(max_length = 255)]
            company: Option<String>,
            $($(#[$fmeta])* $field: $type,)*
        }
    };
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Mode {
    Live,
    Test,
}

#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Stage {
    Submitted,
    InReview,
    Approved,
    Active,
    Disabled,
    Closed,
}

listed! {
    Transactions {
        /// Normal statuses, separated by commas: PENDING, COMPLETED, FAILED, CANCELLED, RETURNED.
        #[param(pattern = "^(PENDING|COMPLETED|FAILED|CANCELLED|RETURNED)(,(PENDING|COMPLETED|FAILED|CANCELLED|RETURNED))*$")]
        status: Option<String>,
        /// Kinds, separated by commas: PAYMENT, SETTLEMENT, REFUND, CHARGEBACK, VERIFICATION, PAYOUT.
        #[param(pattern = "^(PAYMENT|SETTLEMENT|REFUND|CHARGEBACK|VERIFICATION|PAYOUT)(,(PAYMENT|SETTLEMENT|REFUND|CHARGEBACK|VERIFICATION|PAYOUT))*$")]
        kind: Option<String>,
        /// ISO 4217; several, separated by commas.
        #[param(pattern = "^[A-Za-z]{3}(,[A-Za-z]{3}){0,19}$")]
        currency: Option<String>,
        /// At least so much, in minor units of the one `currency` that must be given.
        amountMin: Option<i64>,
        /// At most so much, in minor units of the one `currency` that must be given.
        amountMax: Option<i64>,
        /// Methods such as CARD, separated by commas.
        #[param(max_length = 255)]
        paymentMethod: Option<String>,
        /// The whole reason as `failureReason` has it.
        #[param(max_length = 255)]
        failureReason: Option<String>,
        /// The merchant's account at Netbanx.
        #[param(max_length = 255)]
        accountId: Option<String>,
        #[param(max_length = 255)]
        merchantRefNum: Option<String>,
        /// Made at or after. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
        startDate: Option<String>,
        /// Made before; a plain date counts as a whole. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
        endDate: Option<String>,
        /// Begins the id at Netbanx or the merchant's reference; letters as they are written. What is just this comes first.
        #[param(max_length = 255)]
        q: Option<String>,
        /// Live unless asked otherwise.
        #[param(inline)]
        mode: Option<Mode>,
        /// `-transactionTime` (the default), `transactionTime`, `-statusTime`, `statusTime`, `-amount` or `amount`.
        #[param(pattern = "^-?(transactionTime|statusTime|amount)$")]
        sort: Option<String>,
    }
}

listed! {
    Accounts {
        /// A word of the account events, for example ENABLED.
        status: Option<String>,
        #[param(inline)]
        onboardingStage: Option<Stage>,
        includePaymentMethods: Option<bool>,
        /// `-updatedAt` (the default) or `updatedAt`.
        #[param(pattern = "^-?updatedAt$")]
        sort: Option<String>,
    }
}

listed! {
    Events {
        /// `payload`: with their bodies.
        #[param(pattern = "^payload$")]
        include: Option<String>,
        /// Only those that another event of their event id contradicts.
        conflicting: Option<bool>,
        /// In any spelling that Netbanx uses.
        #[param(max_length = 255)]
        eventName: Option<String>,
        #[param(max_length = 255)]
        accountId: Option<String>,
        /// What it is about.
        #[param(max_length = 255)]
        resourceId: Option<String>,
        #[param(max_length = 255)]
        merchantRefNum: Option<String>,
        /// Received at or after. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
        startDate: Option<String>,
        /// Received before; a plain date counts as a whole. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
        endDate: Option<String>,
        /// Both unless one is asked for.
        #[param(inline)]
        mode: Option<Mode>,
        /// `-receivedAt` (the default) or `receivedAt`.
        #[param(pattern = "^-?receivedAt$")]
        sort: Option<String>,
    }
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Range {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Interval {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Compare {
    Previous,
    Year,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum GroupBy {
    Currency,
    PaymentMethod,
    Kind,
    Status,
    Account,
    FailureReason,
}

/// Of the figures.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(non_snake_case, reason = "the names of the contract")]
pub(crate) struct Analytics {
    /// A day unless asked otherwise.
    #[param(inline)]
    timeRange: Option<Range>,
    /// Inclusive. A date of the zone (`2026-01-31`) or a moment on a whole minute (`2026-01-31T12:00:00Z`).
    #[param(max_length = 40)]
    from: Option<String>,
    /// Exclusive; now where it is absent. A date of the zone or a moment on a whole minute.
    #[param(max_length = 40)]
    to: Option<String>,
    /// How wide the points of the series are; chosen by the span where it is absent.
    #[param(inline)]
    interval: Option<Interval>,
    /// A name of IANA's time zone database, such as `America/Toronto`; UTC where it is absent.
    #[param(max_length = 64)]
    timeZone: Option<String>,
    /// Tells `comparison` too: the span of the same length before, or the same span a year ago.
    #[param(inline)]
    compare: Option<Compare>,
    /// Tells `groups` too.
    #[param(inline)]
    groupBy: Option<GroupBy>,
    /// For administrators: of this company alone, by slug or id; absent: all companies.
    #[param(max_length = 255)]
    company: Option<String>,
    /// Live unless asked otherwise.
    #[param(inline)]
    mode: Option<Mode>,
}

/// Of a file for spreadsheets.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Export {
    /// Begins with a byte order mark, by which spreadsheets know UTF-8.
    bom: Option<bool>,
}

/// Of the stream.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Stream {
    /// For administrators: of this company alone, by slug or id; absent: all companies.
    #[param(max_length = 255)]
    company: Option<String>,
}

/// Of one company's things.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfCompany {
    /// For administrators: of this company alone, by slug or id.
    #[param(max_length = 255)]
    company: Option<String>,
}

/// Of a receiver.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfEndpoint {
    /// netbanx, account-status, direct-debit or alternate-payments.
    endpoint: String,
}

/// Of a receiver's key.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfKey {
    /// netbanx, account-status, direct-debit or alternate-payments.
    endpoint: String,
    version: i32,
}

/// Of one thing.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Id {
    id: Uuid,
}

/// Of the audit log.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Audit {
    /// Entries on a page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u8>,
    /// The `nextCursor` of another page: go on behind it.
    cursor: Option<String>,
}

/// Of an endpoint's attempts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Attempts {
    /// Attempts on a page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u8>,
    /// The `nextCursor` of another page: go on behind it.
    cursor: Option<String>,
    /// Both unless one is asked for.
    #[param(pattern = "^(delivered|failed)$")]
    state: Option<String>,
}

/// Of a dead letter.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct JobId {
    /// The job's id.
    id: String,
}

/// Of the dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(non_snake_case, reason = "the names of the contract")]
pub(crate) struct DeadLetters {
    /// Letters on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u8>,
    /// The `nextCursor` of another page: go on behind it.
    cursor: Option<String>,
    /// For administrators: of this company alone, by slug or id.
    #[param(max_length = 255)]
    company: Option<String>,
    #[param(max_length = 255)]
    eventName: Option<String>,
    /// What failed on every attempt, or what could not be interpreted when it was received.
    #[param(pattern = "^(failed|unreadable)$")]
    kind: Option<String>,
    /// Whose last error contains this text.
    #[param(max_length = 255)]
    error: Option<String>,
    /// payments or others.
    #[param(pattern = "^(payments|others)$")]
    lane: Option<String>,
    /// Died at or after. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    startDate: Option<String>,
    /// Died before; a plain date counts as a whole. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    endDate: Option<String>,
}
