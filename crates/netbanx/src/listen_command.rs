//! `netbanx listen`: forwards a company's messages to a local address while somebody develops what will receive them. The bodies
//! and headers are those that endpoints get, signed with a key of this run that is printed and kept nowhere.
//!
//! It is an endpoint of its own for as long as it runs (`store::outbound::listeners`); killed, it is removed when its lease ends.

use std::time::{Duration, Instant};

use clap::Args;
use common::CompanyId;
use outbound::{
    client::{Request, Sender},
    signature,
};
use ring::hmac;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use settings::OutboundSettings;
use store::{
    companies,
    entity::endpoint,
    outbound::{
        ALL_TYPES,
        deliveries::{self, Due},
        endpoints, join_types, listeners,
    },
};

use crate::{Error, admin::AdminContext};

/// How often it is looked for messages.
const LOOK: Duration = Duration::from_millis(200);
/// How often the lease is renewed: a third of it.
const RENEW: Duration = Duration::from_millis(listeners::LEASE_MS.unsigned_abs() / 3);
/// Messages of one look.
const AT_ONCE: u64 = 50;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The company's slug.
    #[arg(long)]
    company: String,
    /// Where messages go: http or https, on this machine or elsewhere.
    #[arg(long)]
    forward_to: String,
    /// Event types, separated by commas. Absent: all.
    #[arg(long, value_delimiter = ',')]
    events: Vec<String>,
}

struct Listener<'l> {
    db: &'l DatabaseConnection,
    row: &'l endpoint::Model,
    sender: Sender,
    url: String,
    key: hmac::Key,
    context: &'l AdminContext,
}

pub(crate) async fn run(mut options: Options, context: &AdminContext) -> Result<(), Error> {
    let company = companies::get(&context.db, &options.company).await?;
    if options.events.is_empty() {
        options.events.push(ALL_TYPES.to_owned());
    }
    let types = join_types(&options.events)?;
    // Who runs this chooses the address: it is no customer's.
    let everywhere = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|network| network.parse().ok()).collect();
    let settings = OutboundSettings { allow_http: true, allow_networks: everywhere, proxy: None };
    outbound::Policy::of(&settings).read(&options.forward_to).map_err(|refused| Error::Refused(refused.to_string()))?;
    let (key, secret) = endpoints::random_key()?;
    let mut stop = http_service::stop_on_signal()?;
    let row = listeners::begin(&context.db, CompanyId(company.id), types).await?;
    let listener = Listener {
        db: &context.db,
        row: &row,
        sender: Sender::new(&settings)?,
        url: options.forward_to,
        key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        context,
    };
    context.say(
        &format!("messages of {} go to {}, signed with {secret}; end with Ctrl-C", options.company, listener.url),
        &json!({"company": options.company, "forwardTo": listener.url, "secret": secret}),
    );
    let ended = tokio::select! {
        ended = listener.forward() => ended,
        ended = listener.keep() => ended,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    listeners::end(&context.db, &row).await?;
    ended
}

impl Listener<'_> {
    /// Renews the lease; ends where it is lost.
    async fn keep(&self) -> Result<(), Error> {
        loop {
            tokio::time::sleep(RENEW).await;
            if !listeners::renew(self.db, self.row).await? {
                return Err(Error::Refused("it was silent for too long and is taken for dead: begin again".to_owned()));
            }
        }
    }

    async fn forward(&self) -> Result<(), Error> {
        loop {
            let due = deliveries::due(self.db, self.row, clock::now_ms(), AT_ONCE).await?;
            if due.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
            for message in due {
                let id = message.message_id;
                self.send(message).await;
                listeners::done(self.db, self.row, id).await?;
            }
        }
    }

    /// Sends a message once, and prints what came of it: who develops sees it, and sends the webhook again.
    async fn send(&self, message: Due) {
        let (begun, at_ms, id) = (Instant::now(), clock::now_ms(), message.message_id.to_string());
        let body: Value = serde_json::from_str(&message.payload).unwrap_or_default();
        let event_type = body.get("type").and_then(Value::as_str).unwrap_or("?").to_owned();
        let timestamp = at_ms / 1000;
        let signature = signature::sign(std::slice::from_ref(&self.key), &id, timestamp, &message.payload);
        let request = Request { url: &self.url, id: &id, timestamp, signature, body: message.payload, traceparent: None };
        let answer = self.sender.send(request, at_ms).await;
        let took = begun.elapsed().as_millis() as u64;
        let status = answer.status.map_or_else(|| answer.error.clone().unwrap_or_default(), |status| status.to_string());
        self.context.say(
            &format!("{event_type}\t{id}\t{status}\t{took} ms"),
            &json!({"messageId": id, "type": event_type, "status": answer.status, "error": answer.error, "durationMs": took}),
        );
    }
}
