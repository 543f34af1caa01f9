//! What an operator changes: schema, companies, secrets, assignments.

use std::time::Duration;

use common::{CompanyId, signature::KeyEncoding};
use receivers::{Change, Publisher};
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use serde_json::{Value, json};
use settings::Settings;
use store::{
    Migrated, Scope,
    audit::{self, Note},
    companies,
    secrets::{self, Vault},
};

use crate::{
    Error,
    sources::{KeySource, Receiver, read_named},
};

/// Longest time for publishing a change: the whole directory may be due.
const PUBLISH: Duration = Duration::from_secs(60);

/// The database with the settings and the form of answers.
pub(crate) struct AdminContext {
    pub(super) settings: Settings,
    pub(super) db: DatabaseConnection,
    json: bool,
}

pub(super) async fn commit(tx: DatabaseTransaction) -> Result<(), Error> {
    Ok(tx.commit().await.map_err(store::Error::from)?)
}

/// Notes in the audit log, in the transaction that did it, what the command did.
pub(super) async fn note(tx: &DatabaseTransaction, company: CompanyId, action: &str, detail: &Value) -> Result<(), Error> {
    Ok(audit::record(tx, by_command(company, action, &detail.to_string())).await?)
}

/// What a command notes.
pub(super) fn by_command<'n>(company: CompanyId, action: &'n str, detail: &'n str) -> Note<'n> {
    Note { actor: "command", company, action, detail, address: None }
}

impl AdminContext {
    pub async fn open(json: bool) -> Result<Self, Error> {
        let settings = Settings::load()?;
        if let Some(directory) = settings.sqlite_directory() {
            std::fs::create_dir_all(directory)?;
        }
        let db = store::connect(&settings.database_url, 2).await?;
        Ok(Self { settings, db, json })
    }

    pub(super) fn say(&self, text: &str, value: &Value) {
        if self.json { outln!("{value}") } else { outln!("{text}") }
    }

    /// Opens and seals what the database keeps encrypted.
    pub(super) fn vault(&self) -> Result<Vault, Error> {
        Ok(Vault::new(&self.settings.require_master_keys()?.0)?)
    }

    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        Ok(self.db.begin().await.map_err(store::Error::from)?)
    }

    pub async fn migrate(&self) -> Result<(), Error> {
        let (text, applied) = match store::migrate(&self.db).await? {
            Migrated::Applied(0) => ("the database is up to date".to_owned(), 0),
            Migrated::Applied(number) => (format!("{number} migrations applied: the database is up to date"), number),
            // As after a roll-out that was reverted: versions work side by side.
            Migrated::Newer(number) => (format!("nothing to do: {number} migrations are of a later version"), 0),
        };
        self.publish_all().await;
        self.say(&text, &json!({"migrated": true, "applied": applied}));
        Ok(())
    }

    pub async fn partition(&self) -> Result<(), Error> {
        let is_new = store::dialect::partitions::begin(&self.db).await?;
        let text = if is_new { "webhooks and transactions are partitioned now" } else { "they are partitioned already" };
        self.say(text, &json!({"partitioned": true, "changed": is_new}));
        Ok(())
    }

    pub async fn distribute(&self, is_dry: bool) -> Result<(), Error> {
        use store::dialect::distributed;
        let found = if is_dry {
            distributed::plan(&self.db).await?
        } else {
            // Told as it goes: a large table takes its time, and what is done stays done.
            distributed::begin(&self.db, |step| self.tell(&format!("{}: {}", step.table, step.what))).await?
        };
        let steps: Vec<Value> = found.steps.iter().map(|step| json!({"table": step.table, "step": step.what})).collect();
        if is_dry {
            found.steps.iter().for_each(|step| self.tell(&format!("would do {}: {}", step.table, step.what)));
        }
        let text = match (found.steps.is_empty(), is_dry) {
            (true, _) => format!("the database is distributed already, over {} servers", found.nodes),
            (false, true) => format!("{} steps to go, over {} servers; nothing was done", found.steps.len(), found.nodes),
            (false, false) => format!("the database is distributed now, over {} servers", found.nodes),
        };
        let is_changed = !is_dry && !found.steps.is_empty();
        let is_distributed = is_changed || found.steps.is_empty();
        self.say(&text, &json!({"distributed": is_distributed, "changed": is_changed, "nodes": found.nodes, "steps": steps}));
        Ok(())
    }

    /// A line on the way, where nobody reads JSON.
    fn tell(&self, text: &str) {
        if !self.json {
            outln!("{text}");
        }
    }

    pub async fn add_company(&self, name: &str, slug: Option<String>, time_zone: Option<&str>) -> Result<(), Error> {
        let slug = slug.unwrap_or_else(|| slug_of(name));
        let zone = time_zone.map(|name| companies::zone(name).ok_or_else(|| no_zone(name))).transpose()?;
        let row = companies::add(&self.db, name, &slug, zone).await?;
        self.publish(Change::Company(&slug)).await;
        self.say(
            &format!("{slug} ({})", row.id),
            &json!({"id": row.id, "slug": slug, "name": row.name, "timeZone": row.time_zone}),
        );
        Ok(())
    }

    pub async fn set_company(&self, slug: &str, time_zone: &str) -> Result<(), Error> {
        let zone = (time_zone != "none").then(|| companies::zone(time_zone).ok_or_else(|| no_zone(time_zone))).transpose()?;
        let id = companies::get(&self.db, slug).await?.id;
        let tx = self.begin().await?;
        let row = companies::set_time_zone(&tx, id, zone).await?;
        let name = row.and_then(|row| row.time_zone);
        note(&tx, CompanyId(id), "company.change", &json!({"company": id, "timeZone": name})).await?;
        commit(tx).await?;
        let text = format!("the days of {slug} are those of {}", name.as_deref().unwrap_or("UTC"));
        self.say(&text, &json!({"id": id, "slug": slug, "timeZone": name}));
        Ok(())
    }

    pub async fn list_companies(&self) -> Result<(), Error> {
        let rows = companies::list(&self.db).await?;
        let text: Vec<String> = rows.iter().map(|row| format!("{}\t{}\t{}", row.slug, row.id, row.name)).collect();
        let value: Value =
            rows.iter().map(|row| json!({"id": row.id, "slug": row.slug, "name": row.name, "timeZone": row.time_zone})).collect();
        self.say(&text.join("\n"), &value);
        Ok(())
    }

    pub(super) async fn company(&self, slug: Option<&str>) -> Result<CompanyId, Error> {
        match slug {
            Some(slug) => Ok(CompanyId(companies::get(&self.db, slug).await?.id)),
            None => Ok(CompanyId::NONE),
        }
    }

    pub async fn set_secret(&self, receiver: &Receiver, source: &KeySource, encoding: &str, grace_ms: i64) -> Result<(), Error> {
        let encoding = KeyEncoding::parse(encoding).ok_or_else(|| Error::Refused("unknown encoding".to_owned()))?;
        let vault = self.vault()?;
        let company = self.company(receiver.company.as_deref()).await?;
        let key = match (&source.key, &source.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(path)) => read_named(path)?.trim_end_matches(['\r', '\n']).to_owned(),
            (None, None) => secrets::generate(encoding)?,
        };
        let version = secrets::add(&self.db, &vault, receiver.endpoint, company, &key, encoding, grace_ms).await?;
        self.publish(Change::Keys(receiver.endpoint, company)).await;
        self.note(company, "secret.set", &json!({"endpoint": receiver.endpoint, "version": version})).await?;
        let shown = source.generate.then_some(key);
        let text = match &shown {
            Some(key) => key.clone(),
            None => format!("{}: version {version} is active", receiver.endpoint),
        };
        self.say(&text, &json!({"endpoint": receiver.endpoint, "company": receiver.company, "version": version, "key": shown}));
        Ok(())
    }

    pub async fn rewrap_secrets(&self) -> Result<(), Error> {
        let vault = self.vault()?;
        let rewrapped = secrets::rewrap(&self.db, &vault).await?;
        self.publish_all().await;
        self.note(CompanyId::NONE, "secret.rewrap", &json!({"count": rewrapped})).await?;
        self.say(&format!("{rewrapped} keys are encrypted under the first master key now"), &json!({"rewrapped": rewrapped}));
        Ok(())
    }

    pub async fn verify_audit(&self) -> Result<(), Error> {
        let found = store::audit::verify(&self.db).await?;
        let text = format!("{} entries, head {}, {} of versions before 1.0", found.entries, found.head, found.unchained);
        self.say(&text, &serde_json::to_value(&found).unwrap_or_default());
        found.problem.map_or(Ok(()), |problem| Err(Error::Refused(problem)))
    }

    /// Notes in the audit log what the command did.
    pub(super) async fn note(&self, company: CompanyId, action: &str, detail: &Value) -> Result<(), Error> {
        Ok(audit::record_alone(&self.db, by_command(company, action, &detail.to_string())).await?)
    }

    pub async fn list_secrets(&self) -> Result<(), Error> {
        let (rows, now) = (secrets::list(&self.db, Scope::All).await?, clock::now_ms());
        let known = companies::list(&self.db).await?;
        let slug = |id| known.iter().find(|c| c.id == id).map_or("-", |c| c.slug.as_str());
        let is_active = |until: Option<i64>| until.is_none_or(|until| until > now);
        let text: Vec<String> = rows
            .iter()
            .map(|r| {
                format!(
                    "{}\t{}\tversion {}\t{}\t{}",
                    r.endpoint,
                    slug(r.company_id),
                    r.version,
                    r.encoding,
                    if is_active(r.active_until) { "active" } else { "ended" }
                )
            })
            .collect();
        let value: Value = rows
            .iter()
            .map(|r| json!({"endpoint": r.endpoint, "company": slug(r.company_id), "version": r.version, "encoding": r.encoding, "active": is_active(r.active_until), "activeUntilMs": r.active_until}))
            .collect();
        self.say(&text.join("\n"), &value);
        Ok(())
    }

    pub async fn revoke_secret(&self, receiver: &Receiver, version: i32) -> Result<(), Error> {
        let company = self.company(receiver.company.as_deref()).await?;
        if !secrets::revoke(&self.db, receiver.endpoint, company, version).await? {
            return Err(Error::Refused(format!("{} has no active version {version}", receiver.endpoint)));
        }
        let is_published = self.publish(Change::Keys(receiver.endpoint, company)).await;
        self.note(company, "secret.revoke", &json!({"endpoint": receiver.endpoint, "version": version})).await?;
        if !is_published {
            let reason =
                "the key is revoked, but ingress could not be told: it may accept the key until Redis and a worker are back";
            return Err(Error::Refused(reason.to_owned()));
        }
        self.say("revoked", &json!({"revoked": version}));
        Ok(())
    }

    pub async fn assign_account(&self, account_id: &str, company: &str) -> Result<(), Error> {
        let id = self.company(Some(company)).await?;
        let account_id = companies::assign_account(&self.db, account_id, id).await?;
        self.note(id, "account.assign", &json!({"accountId": account_id})).await?;
        self.publish(Change::Account(&account_id)).await;
        self.say(&format!("{account_id} belongs to {company}"), &json!({"accountId": account_id, "company": company}));
        Ok(())
    }

    /// Publishes what changed; returns whether ingress knows it now. Without Redis a worker does it as soon as that is back.
    async fn publish(&self, change: Change<'_>) -> bool {
        self.published(async |publisher| publisher.publish(change).await).await
    }

    /// Publishes all receivers if the directory in Redis lacks something: the first ingress of this version finds them there.
    async fn publish_all(&self) {
        self.published(async |publisher| publisher.repair(true).await.map(drop)).await;
    }

    async fn published(&self, work: impl AsyncFnOnce(Publisher) -> Result<(), receivers::Error>) -> bool {
        let published = async {
            let redis = redis_client::connect(&self.settings.redis_url)?;
            work(Publisher::new(self.db.clone(), redis, &self.settings.queue_name)).await
        };
        match tokio::time::timeout(PUBLISH, published).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => eprintln!("netbanx: ingress learns of this when a worker can publish it: {error}"),
            Err(_) => eprintln!("netbanx: Redis is away; ingress learns of this when a worker can publish it"),
        }
        false
    }
}

fn no_zone(name: &str) -> Error {
    Error::Refused(format!("'{name}' is no time zone; a name of IANA's database is wanted, such as America/Toronto"))
}

fn slug_of(name: &str) -> String {
    let dashed: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
