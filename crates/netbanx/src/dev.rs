//! `netbanx dev`: ingress, worker and api in one process, on a laptop.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use common::{CompanyId, Endpoint, signature::KeyEncoding};
use http_service::Stop;
use ingress::Ingress;
use queue::Queue;
use receivers::Publisher;
use sea_orm::{DatabaseConnection, TransactionTrait};
use settings::{MasterKeys, Settings};
use store::{
    Scope,
    alerting::rules,
    companies,
    entity::alert_rule::Model as Rules,
    secrets::{self, Vault},
    tokens,
    users::{self, Role},
};

use crate::{Error, access, demo, send};

/// The demo company's slug.
const DEMO: &str = "demo";
/// How long it is from one live payment to the next.
const LIVE: Duration = Duration::from_secs(3);

/// Runs everything until it is told to stop; `is_quiet`: without live payments.
pub(crate) async fn run(port: u16, is_quiet: bool) -> Result<(), Error> {
    let mut settings = Settings::load()?;
    let telemetry = telemetry::init(&settings.telemetry("netbanx-dev"))?;
    let directory = settings.sqlite_directory().unwrap_or_else(|| "./data".into());
    fs::create_dir_all(&directory)?;
    settings.api_bind = SocketAddr::from(([127, 0, 0, 1], port));
    settings.ingress_bind =
        SocketAddr::from(([127, 0, 0, 1], port.checked_add(1).ok_or_else(|| Error::Refused("--port is too high".to_owned()))?));
    let master_key = match settings.master_keys.clone() {
        Some(key) => key,
        None => own_master_key(&directory)?,
    };
    settings.master_keys = Some(master_key.clone());
    let db = store::connect(&settings.database_url, settings.database_max_connections).await?;
    store::migrate(&db).await?;
    let queue = Queue::new(redis_client::connect(&settings.redis_url)?, settings.queue());
    let demo = demo(&db, &Vault::new(&master_key.0)?, &directory).await?;
    let publisher = Publisher::new(db.clone(), queue.client().clone(), &settings.queue_name);
    if let Err(error) = publisher.repair(true).await {
        tracing::warn!(%error, "receivers are published later");
    }
    let ingress = Ingress::start(&settings, queue.clone(), Some(db.clone()))?;
    let stop = http_service::stop_on_signal()?;
    let api = api::Api::start(&settings, db.clone(), queue.clone(), stop.clone())?;
    greet(&settings, port, &demo);
    tokio::try_join!(
        maintain(&settings, api.clone(), stop.clone()),
        serve_all(&settings, &ingress, api, stop.clone()),
        serve_ingress(&settings, &ingress, stop.clone()),
        work(&settings, &queue, &db, stop.clone()),
        live(&settings, &demo, is_quiet, stop),
    )?;
    telemetry.shutdown();
    Ok(())
}

async fn serve_all(settings: &Settings, ingress: &Ingress, api: api::Api, stop: Stop) -> Result<(), Error> {
    let ingress = ingress.clone();
    Ok(http_service::serve(settings.api_bind, 1, settings.shutdown_timeout, stop, move |config| {
        http_service::health::routes(config, ingress.readiness());
        api::http::routes::add(config, api.clone());
        ingress::routes::add(config, ingress.clone());
        ingress::routes::add_unknown(config);
    })
    .await?)
}

async fn maintain(settings: &Settings, api: api::Api, stop: Stop) -> Result<(), Error> {
    Box::pin(async { tokio::join!(api.clone().maintain(stop.clone()), api.deliver(settings, stop)) }).await;
    Ok(())
}

async fn serve_ingress(settings: &Settings, ingress: &Ingress, stop: Stop) -> Result<(), Error> {
    let ingress = ingress.clone();
    Ok(http_service::serve(settings.ingress_bind, 1, settings.shutdown_timeout, stop, move |config| {
        http_service::health::routes(config, ingress.readiness());
        ingress::routes::add(config, ingress.clone());
        ingress::routes::add_unknown(config);
    })
    .await?)
}

async fn work(settings: &Settings, queue: &Queue, db: &DatabaseConnection, stop: Stop) -> Result<(), Error> {
    Ok(worker::supervise(settings, queue, db, stop).await?)
}

/// A master key of this laptop, kept beside its database.
fn own_master_key(directory: &Path) -> Result<MasterKeys, Error> {
    let path = directory.join("master.key");
    if !path.exists() {
        write_private(&path, &secrets::generate(KeyEncoding::Base64)?)?;
    }
    Ok(MasterKeys::parse(&fs::read_to_string(&path)?)?)
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// Who signs in on a laptop.
const DEMO_USER: &str = "admin@example.com";

struct Demo {
    company: CompanyId,
    key: String,
    token: String,
    password: String,
    is_new: bool,
}

/// The demo company with a key and a token of its own; what is shown once is kept beside the
/// database, so that each start can show it again.
async fn demo(db: &DatabaseConnection, vault: &Vault, directory: &Path) -> Result<Demo, Error> {
    let path = directory.join("demo");
    let known = companies::find(db, DEMO).await?;
    if let Some(row) = &known
        && let Ok(kept) = fs::read_to_string(&path)
        && let [key, token, password] = kept.lines().collect::<Vec<_>>()[..]
    {
        let [key, token, password] = [key, token, password].map(str::to_owned);
        return Ok(Demo { company: CompanyId(row.id), key, token, password, is_new: false });
    }
    let company = match known {
        Some(row) => CompanyId(row.id),
        None => CompanyId(companies::add(db, "Demo", DEMO, None).await?.id),
    };
    // Its sixty days are received now: that they are late is nothing to ring for.
    let tx = db.begin().await.map_err(store::Error::from)?;
    rules::set(&tx, Rules { late_minutes: 0, ..rules::get(&tx, company).await? }).await?;
    tx.commit().await.map_err(store::Error::from)?;
    let key = secrets::generate(KeyEncoding::Utf8)?;
    for receiver in [company, CompanyId::NONE] {
        for endpoint in Endpoint::ALL {
            secrets::add(db, vault, endpoint, receiver, &key, KeyEncoding::Utf8, 0).await?;
        }
    }
    let permissions: Vec<String> = tokens::PERMISSIONS.iter().map(|p| (*p).to_owned()).collect();
    let (_, token) = tokens::add(db, CompanyId::NONE, "dev", &permissions, None, "command").await?;
    let password = access::generate_password()?;
    if users::list(db, Scope::All).await?.iter().any(|user| user.email == DEMO_USER) {
        users::set_password(db, DEMO_USER, &password).await?;
    } else {
        users::add(db, DEMO_USER, Role::Administrator, CompanyId::NONE, &password).await?;
    }
    write_private(&path, &format!("{key}\n{token}\n{password}\n"))?;
    Ok(Demo { company, key, token, password, is_new: true })
}

fn greet(settings: &Settings, port: u16, demo: &Demo) {
    let (api, receiver) =
        (format!("http://127.0.0.1:{port}"), format!("http://{}/api/webhooks/netbanx/{DEMO}", settings.ingress_bind));
    outln!("Dashboard  {api}/");
    outln!("API        {api}/api/v1/transactions");
    outln!("Receiver   {receiver}");
    outln!("Sign-in    {DEMO_USER} / {}", demo.password);
    outln!("Token      {}", demo.token);
    outln!("Key        {}", demo.key);
    outln!();
    outln!("Read:      curl -H 'Authorization: Bearer {}' '{api}/api/v1/transactions?limit=3'", demo.token);
    let program = std::env::current_exe().map_or_else(|_| "netbanx".to_owned(), |path| path.display().to_string());
    outln!("Send:      {program} send --count 10 --url {receiver} --key '{}'", demo.key);
    outln!("Stop:      Ctrl-C, then make stop");
}

/// Gives a new database something to look at, then a payment now and then, by the same way as every webhook.
async fn live(settings: &Settings, demo: &Demo, is_quiet: bool, mut stop: Stop) -> Result<(), Error> {
    let options = send::Options {
        count: 1,
        rate: 0,
        url: format!("http://{}/api/webhooks/netbanx/{DEMO}", settings.ingress_bind),
        key: demo.key.clone(),
        encoding: "utf8".to_owned(),
    };
    if demo.is_new {
        let happened = demo::life(demo.company.0, clock::now());
        let sent = send::all(&options, happened.into_iter().map(|one| one.body.to_string()));
        // Whoever stops it does not wait for what is left.
        let sent = tokio::select! {
            sent = sent => sent.and_then(send::Sent::whole),
            _ = stop.changed() => return Ok(()),
        };
        match sent {
            Ok(sent) => {
                outln!("Demo:      {} webhooks of {} days accepted in {:.1} s", sent.accepted, demo::DAYS, sent.seconds);
            }
            Err(error) => tracing::warn!(%error, "the demo company begins without all of its data"),
        }
    }
    while !is_quiet && tokio::time::timeout(LIVE, stop.changed()).await.is_err() {
        let latest = demo::latest(demo.company.0, clock::now()).into_iter().map(|one| one.body.to_string());
        if let Err(error) = send::all(&options, latest).await.and_then(send::Sent::whole) {
            tracing::debug!(%error, "a live payment was not accepted");
        }
    }
    Ok(())
}
