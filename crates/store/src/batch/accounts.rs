//! The accounts of a batch: their states, their history and their payment methods.

use std::collections::{BTreeMap, BTreeSet};

use common::{AccountState, CompanyId, RULES_VERSION, event::Change, normalize};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, Set,
    sea_query::{ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{NewEvent, json, received};
use crate::{
    Error,
    dialect::RowLock,
    entity::{account, account_payment_method, account_status},
    outbound::{
        ACCOUNT_UPDATED,
        messages::{About, Outbox},
    },
};

pub(crate) type AccountKey<'e> = (CompanyId, &'e str);

/// The locks of the accounts that `events` are about.
pub(super) fn locks(events: &[&NewEvent]) -> impl Iterator<Item = RowLock> {
    events.iter().filter_map(|new| match &new.event.change {
        Change::Account(facts) => Some(RowLock::of(new.company_id, None, &facts.external_id)),
        _ => None,
    })
}

/// Folds `events` into the accounts that they are about, which are locked. Each change goes into `outbox`.
pub(super) async fn fold(tx: &DatabaseTransaction, events: &[&NewEvent], outbox: &mut Outbox<'_>) -> Result<(), Error> {
    use account::Column;
    let mut states: BTreeMap<AccountKey<'_>, (Uuid, AccountState)> = BTreeMap::new();
    let (mut steps, mut methods) = (Vec::new(), BTreeSet::new());
    for new in events {
        let Change::Account(facts) = &new.event.change else { continue };
        states.entry((new.company_id, &facts.external_id)).or_insert_with(|| (Uuid::now_v7(), AccountState::default()));
        steps.push(account_status::ActiveModel {
            id: Set(new.webhook_id),
            company_id: Set(new.company_id.0),
            external_id: Set(facts.external_id.to_string()),
            status: Set(facts.status.to_string()),
            event_name: Set(new.event.name.to_string()),
            status_time: Set(new.event.status_time.timestamp_millis()),
        });
        for (kind, method) in &facts.payment_methods {
            methods.insert((new.company_id, facts.external_id.as_str(), *kind, method.as_str()));
        }
    }
    if states.is_empty() {
        return Ok(());
    }
    let wanted = states.keys().fold(Condition::any(), |any, (company, external_id)| {
        any.add(Column::CompanyId.eq(company.0).and(Column::ExternalId.eq(*external_id)))
    });
    let known = account::Entity::find().filter(wanted).all(tx).await?;
    for row in &known {
        if let Some(entry) = states.get_mut(&(CompanyId(row.company_id), row.external_id.as_str())) {
            let state = serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("accounts.state: {e}")))?;
            *entry = (row.id, state);
        }
    }
    let mut events = events.to_vec();
    events.sort_by_key(|new| new.place());
    for new in events {
        if let Change::Account(facts) = &new.event.change {
            let key = (new.company_id, facts.external_id.as_str());
            if let (Some((id, state)), Some(at)) = (states.get_mut(&key), received(new)) {
                let before = outbox.has(key.0).then(|| shown(key, *id, state));
                state.apply(&new.event, facts, &new.identity, at);
                let after = before.map(|before| (before, shown(key, *id, state))).filter(|(before, after)| before.differs(after));
                if let Some((_, after)) = after {
                    let trace = new.trace.as_deref();
                    outbox.tell(About { company: key.0, event_type: ACCOUNT_UPDATED, subject: *id, trace }, after)?;
                }
            }
        }
    }
    let rows = states.into_iter().map(|(key, (id, state))| account_row(key, id, &state)).collect::<Result<Vec<_>, _>>()?;
    account::Entity::insert_many(rows).on_conflict(replaced()).exec_without_returning(tx).await?;
    account_status::Entity::insert_many(steps).exec_without_returning(tx).await?;
    insert_methods(tx, methods.into_iter()).await
}

fn shown(key: AccountKey<'_>, id: Uuid, state: &AccountState) -> crate::shown::Account {
    row(key, id, state).into()
}

/// The row of an account that is `state`, but for the state itself.
pub(crate) fn row((company, external_id): AccountKey<'_>, id: Uuid, state: &AccountState) -> account::Model {
    let (created_at, updated_at) = state.received_ms();
    account::Model {
        id,
        company_id: company.0,
        external_id: external_id.to_owned(),
        status: state.status().to_owned(),
        onboarding_stage: normalize::onboarding_stage(state.status()).as_str().to_owned(),
        partner_id: state.partner_id().map(str::to_owned),
        mode: state.mode().as_str().to_owned(),
        status_time: state.status_time_ms(),
        created_at,
        updated_at,
        state: String::new(),
        rules_version: RULES_VERSION,
    }
}

/// A row that is there already is written again, but for the version of its rules.
pub(crate) fn replaced() -> OnConflict {
    use account::Column::{
        CompanyId, CreatedAt, ExternalId, Mode, OnboardingStage, PartnerId, State, Status, StatusTime, UpdatedAt,
    };
    OnConflict::columns([CompanyId, ExternalId])
        .update_columns([Status, OnboardingStage, PartnerId, Mode, StatusTime, CreatedAt, UpdatedAt, State])
        .to_owned()
}

pub(crate) async fn insert_methods(
    tx: &DatabaseTransaction,
    methods: impl Iterator<Item = (CompanyId, &str, &'static str, &str)>,
) -> Result<(), Error> {
    use account_payment_method::Column;
    let rows: Vec<_> = methods
        .map(|(company, external_id, kind, method)| account_payment_method::ActiveModel {
            company_id: Set(company.0),
            external_id: Set(external_id.to_owned()),
            kind: Set(kind.to_owned()),
            method_id: Set(method.to_owned()),
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let skip =
        OnConflict::columns([Column::CompanyId, Column::ExternalId, Column::Kind, Column::MethodId]).do_nothing().to_owned();
    account_payment_method::Entity::insert_many(rows).on_conflict(skip).exec_without_returning(tx).await?;
    Ok(())
}

pub(crate) fn account_row(
    (company, external_id): AccountKey<'_>,
    id: Uuid,
    state: &AccountState,
) -> Result<account::ActiveModel, Error> {
    let (first, last) = state.received_ms();
    Ok(account::ActiveModel {
        id: Set(id),
        company_id: Set(company.0),
        external_id: Set(external_id.to_owned()),
        status: Set(state.status().to_owned()),
        onboarding_stage: Set(normalize::onboarding_stage(state.status()).as_str().to_owned()),
        partner_id: Set(state.partner_id().map(str::to_owned)),
        mode: Set(state.mode().as_str().to_owned()),
        status_time: Set(state.status_time_ms()),
        created_at: Set(first),
        updated_at: Set(last),
        state: Set(json(serde_json::to_vec(state))?),
        rules_version: Set(RULES_VERSION),
    })
}
