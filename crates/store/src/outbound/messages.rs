//! Messages, written in the transaction of the change that they tell of.

use common::CompanyId;
use sea_orm::DatabaseTransaction;
use serde::Serialize;
use uuid::Uuid;

use super::{PENDING, bodies, ids, subscriptions::Subscriptions};
use crate::{
    Error,
    dialect::rows::{self, Insert, NUMBERS, Rest, RowValue},
    entity::{delivery, outbound_message},
};
use clock::now_ms;

/// What a message tells of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'t> {
    pub company: CompanyId,
    /// One of [`super::EVENT_TYPES`].
    pub event_type: &'static str,
    /// The row that it is about: messages of one keep their order.
    pub subject: Uuid,
    /// The trace that the change is part of, as a `traceparent`, where it is traced.
    pub trace: Option<&'t str>,
}

/// A message to write, and who gets it.
#[derive(Debug)]
pub(crate) struct NewMessage {
    company: CompanyId,
    id: Uuid,
    event_type: &'static str,
    subject: Uuid,
    trace: Option<String>,
    payload: String,
    created_ms: i64,
    endpoints: Vec<Uuid>,
}

impl NewMessage {
    /// Tells `data` to those of the company's endpoints that want it; none where nobody does: then no body is made.
    pub fn of(subscriptions: &Subscriptions, about: About<'_>, data: impl Serialize) -> Result<Option<Self>, Error> {
        let endpoints: Vec<Uuid> = subscriptions.of(about.company, about.event_type).collect();
        if endpoints.is_empty() {
            return Ok(None);
        }
        Self::to(endpoints, about, data).map(Some)
    }

    /// The same to these endpoints.
    pub fn to(endpoints: Vec<Uuid>, about: About<'_>, data: impl Serialize) -> Result<Self, Error> {
        let About { company, event_type, subject, trace } = about;
        let created_ms = now_ms();
        let payload = bodies::body(event_type, created_ms, data)?;
        let trace = trace.map(str::to_owned);
        Ok(Self { company, id: ids::at(created_ms), event_type, subject, trace, payload, created_ms, endpoints })
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

/// What a batch is about to tell.
#[derive(Debug)]
pub(crate) struct Outbox<'s> {
    subscriptions: &'s Subscriptions,
    messages: Vec<NewMessage>,
}

impl<'s> Outbox<'s> {
    /// Nothing yet, for those.
    pub fn new(subscriptions: &'s Subscriptions) -> Self {
        Self { subscriptions, messages: Vec::new() }
    }

    /// Whether anything may be told to `company`: where not, nobody needs to find out what changed.
    pub fn has(&self, company: CompanyId) -> bool {
        self.subscriptions.has(company)
    }

    /// Tells `data` to the endpoints that want it.
    pub fn tell(&mut self, about: About<'_>, data: impl Serialize) -> Result<(), Error> {
        self.messages.extend(NewMessage::of(self.subscriptions, about, data)?);
        Ok(())
    }

    /// Takes out as many of the messages so far as one statement writes, for [`inserts`].
    pub fn take_some(&mut self) -> Vec<NewMessage> {
        self.messages.drain(..self.messages.len().min(NUMBERS)).collect()
    }

    /// Writes what is in it in `tx`, under whose locks it was found.
    pub async fn write(&self, tx: &DatabaseTransaction) -> Result<(), Error> {
        write(tx, &self.messages).await
    }
}

/// Writes `messages` in their order, with a delivery for each of their endpoints. What they tell of is locked by `tx`.
pub(crate) async fn write(tx: &DatabaseTransaction, messages: &[NewMessage]) -> Result<(), Error> {
    for messages in messages.chunks(NUMBERS) {
        rows::insert(tx, inserts(messages)?).await?;
    }
    Ok(())
}

/// The rows of so many messages as one statement numbers.
pub(crate) fn inserts(messages: &[NewMessage]) -> Result<Vec<Insert<'_>>, Error> {
    let numbered = || messages.iter().zip(0_i64..);
    let deliveries = numbered().flat_map(|(new, n)| new.endpoints.iter().map(move |endpoint| (new, n, *endpoint)));
    let messages = Insert::of(numbered(), message_cell, Rest::Nothing)?.numbered(outbound_message::Column::Sequence);
    let deliveries = Insert::of(deliveries, delivery_cell, Rest::Nothing)?.numbered(delivery::Column::Sequence);
    Ok(vec![messages, deliveries])
}

fn message_cell((new, number): (&NewMessage, i64), column: outbound_message::Column) -> RowValue<'_> {
    use outbound_message::Column;
    match column {
        Column::CompanyId => new.company.0.into(),
        Column::Id => new.id.into(),
        Column::Sequence => number.into(),
        Column::EventType => new.event_type.into(),
        Column::Subject => new.subject.into(),
        Column::Payload => new.payload.as_str().into(),
        Column::CreatedAt => new.created_ms.into(),
        Column::Traceparent => new.trace.as_deref().into(),
    }
}

fn delivery_cell((new, number, endpoint): (&NewMessage, i64, Uuid), column: delivery::Column) -> RowValue<'_> {
    use delivery::Column;
    match column {
        Column::CompanyId => new.company.0.into(),
        Column::EndpointId => endpoint.into(),
        Column::MessageId => new.id.into(),
        Column::Sequence => number.into(),
        Column::Subject => new.subject.into(),
        Column::State => PENDING.into(),
        Column::Attempts => 0.into(),
        Column::NextAt | Column::CreatedAt => new.created_ms.into(),
    }
}
