//! What becomes of items that somebody looked at.

use common::CompanyId;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, TransactionTrait, sea_query::Expr};

use super::{DEFERRED, IGNORED, OPEN, TAKEN_OVER, WRITTEN_AT_ONCE, counted, of_run};
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

/// Settles open items of a run by their numbers; noted in the audit log. Refuses all where one is not open.
pub async fn decide(
    db: &DatabaseConnection,
    run: &reconciliation::Model,
    numbers: &[i64],
    decision: Decision<'_>,
    By { actor, address }: By<'_>,
) -> Result<(), Error> {
    use reconciliation_item::{Column, Entity};
    let reason = decision.reason();
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
    counted(&tx, run.clone()).await?;
    Ok(tx.commit().await?)
}
