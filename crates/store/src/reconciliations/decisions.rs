//! What becomes of items that somebody looked at.

use common::CompanyId;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, Set, TransactionTrait, Unchanged, sea_query::Expr};

use super::{DEFERRED, IGNORED, OPEN, TAKEN_OVER, WRITTEN_AT_ONCE, changes, counted, of_run};
use crate::{
    Error,
    audit::{self, Note},
    entity::{reconciliation, reconciliation_item},
};

/// What becomes of an item that somebody looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'d> {
    /// It is left alone from now on, in later runs too.
    Ignored {
        /// Why.
        reason: &'d str,
    },
    /// What the report says was taken over as an event.
    TakenOver,
}

impl Decision<'_> {
    const fn state(self) -> &'static str {
        match self {
            Self::Ignored { .. } => IGNORED,
            Self::TakenOver => TAKEN_OVER,
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Ignored { .. } => "reconciliation.ignore",
            Self::TakenOver => "reconciliation.takeOver",
        }
    }

    const fn reason(&self) -> &str {
        match self {
            Self::Ignored { reason } => reason,
            Self::TakenOver => "taken over from the report",
        }
    }
}

/// Characters of a reason at most.
pub const LONGEST_REASON: usize = 255;

/// Why something is left alone, as it is kept; none where `text` is no reason.
pub fn reason(text: &str) -> Option<&str> {
    let is_reason = (1..=LONGEST_REASON).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
    is_reason.then(|| text.trim())
}

/// Who decides, from where.
#[derive(Debug, Clone, Copy)]
pub struct By<'b> {
    /// `user:ID`, `token:ID` or `command`.
    pub actor: &'b str,
    /// Where the request came from.
    pub address: Option<&'b str>,
}

impl By<'static> {
    /// The operator's command.
    pub const COMMAND: Self = Self { actor: "command", address: None };
}

/// Settles open items of a run by their numbers; noted in the audit log. Refuses all where one is not open, and what is no [`reason`].
pub async fn decide(
    db: &DatabaseConnection,
    run: &reconciliation::Model,
    numbers: &[i64],
    decision: Decision<'_>,
    By { actor, address }: By<'_>,
) -> Result<(), Error> {
    use reconciliation_item::{Column, Entity};
    let no_reason = || Error::Conflict(format!("a reason has 1 to {LONGEST_REASON} characters, none of them control characters"));
    let reason = reason(decision.reason()).ok_or_else(no_reason)?;
    let tx = db.begin().await?;
    let mut settled = 0;
    for some in numbers.chunks(WRITTEN_AT_ONCE) {
        let open = of_run(run).add(Column::Finding.ne(DEFERRED)).add(Column::State.eq(OPEN));
        let update = Entity::update_many()
            .col_expr(Column::State, Expr::value(decision.state()))
            .col_expr(Column::Reason, Expr::value(reason))
            .filter(open.add(Column::Number.is_in(some.iter().copied())));
        settled += update.exec(&tx).await?.rows_affected;
    }
    if settled != numbers.len() as u64 {
        return Err(Error::Conflict(format!("the comparison {} has only {settled} open items of those", run.id)));
    }
    let detail = serde_json::json!({"reconciliation": run.id, "items": numbers, "reason": reason}).to_string();
    let company = CompanyId(run.company_id);
    audit::record(&tx, Note { actor, company, action: decision.action(), detail: &detail, address }).await?;
    let now = counted(&tx, run.clone()).await?;
    let counts = reconciliation::ActiveModel {
        company_id: Unchanged(now.company_id),
        id: Unchanged(now.id),
        missing_here: Set(now.missing_here),
        missing_there: Set(now.missing_there),
        differing: Set(now.differing),
        malformed: Set(now.malformed),
        ignored: Set(now.ignored),
        ..Default::default()
    };
    reconciliation::Entity::update(counts).exec(&tx).await?;
    changes::settled(&tx, run, numbers).await?;
    Ok(tx.commit().await?)
}
