//! From when on something is wrong with a company's business. A company without a row has the defaults.

use common::CompanyId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait};
use uuid::Uuid;

use crate::{
    Error, dialect,
    entity::alert_rule::{ActiveModel, Entity, Model},
};
use clock::now_ms;

/// The rules of a company that set none.
pub fn defaults(company: Uuid) -> Model {
    Model {
        company_id: company,
        failure_percent: 30,
        failure_attempts: 20,
        chargebacks: 3,
        silence_hours: 2,
        endpoint_minutes: 30,
        late_minutes: 15,
        redelivery_percent: 50,
        updated_at: 0,
    }
}

/// The rules of a company.
pub async fn get(db: &impl ConnectionTrait, company: CompanyId) -> Result<Model, Error> {
    Ok(Entity::find_by_id(company.0).one(db).await?.unwrap_or_else(|| defaults(company.0)))
}

/// Sets the rules of a company, in the place of what was before.
pub async fn set(tx: &DatabaseTransaction, rules: Model) -> Result<Model, Error> {
    dialect::begin_writing(tx).await?;
    let row = Model { updated_at: now_ms(), ..rules };
    Entity::delete_by_id(row.company_id).exec(tx).await?;
    Entity::insert(ActiveModel::from(row.clone())).exec_without_returning(tx).await?;
    Ok(row)
}
