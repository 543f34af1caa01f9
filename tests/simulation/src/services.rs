//! The three services in hosts of a simulation: what their programs start, but for the sockets. HTTP comes in by actix' own test
//! service over the services' own routes.

use std::{cell::RefCell, future::Future, pin::Pin, rc::Rc};

use actix_web::{
    App,
    body::to_bytes,
    http::StatusCode,
    test,
    web::{Bytes, ServiceConfig},
};
use sea_orm::DatabaseConnection;
use settings::Settings;
use tokio::sync::watch;

use crate::{
    host::{Host, Watch},
    setup::Setup,
    wire,
};

/// What a service answers: status and body. Without a body that could be read there is no answer.
pub type Answer = Option<(StatusCode, Bytes)>;
type Answering = Pin<Box<dyn Future<Output = Answer>>>;
type Answers = Rc<dyn Fn(test::TestRequest) -> Answering>;

/// Where requests come in, once the service is ready.
#[derive(Clone, Default)]
pub struct Door(Rc<RefCell<Option<Answers>>>);

impl Door {
    /// The service's answer; none while it is not ready.
    pub async fn ask(&self, request: test::TestRequest) -> Answer {
        let service = self.0.borrow().clone()?;
        service(request).await
    }

    async fn open(self, configure: impl FnOnce(&mut ServiceConfig)) {
        let app = Rc::new(test::init_service(App::new().configure(configure)).await);
        let service = move |request: test::TestRequest| -> Answering {
            let app = app.clone();
            Box::pin(async move {
                let request = request.peer_addr("192.0.2.1:4711".parse().ok()?).to_request();
                match test::try_call_service(&*app, request).await {
                    Ok(response) => {
                        let status = response.status();
                        Some((status, to_bytes(response.into_body()).await.ok()?))
                    }
                    Err(error) => Some((error.as_response_error().status_code(), Bytes::new())),
                }
            })
        };
        *self.0.borrow_mut() = Some(Rc::new(service));
    }
}

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Ingress,
    Worker,
    Api,
}

/// A service in its host.
pub struct Service {
    pub kind: Kind,
    pub host: Host,
    pub door: Door,
    /// Told to end, as by SIGTERM.
    pub stop: watch::Sender<bool>,
    /// Whether it ended by itself.
    pub has_ended: Rc<RefCell<bool>>,
}

/// A pool of one connection, so that what SQLite's threads do comes in one order.
pub async fn database(settings: &Settings, watch: &Watch) -> DatabaseConnection {
    let db = watch.hold(store::connect(&settings.database_url, 1)).await.expect("the database is there");
    watch.pool(db.get_sqlite_connection_pool().clone());
    db
}

impl Drop for Service {
    fn drop(&mut self) {
        // Before its host: it has connections of it.
        self.host.within(|| drop(self.door.0.take()));
    }
}

impl Service {
    /// Begins one in a new host of that name.
    pub fn start(kind: Kind, name: String, setup: &Setup, since: std::time::Instant) -> Self {
        wire::admit(&name);
        let host = Host::start(name, since);
        let settings = setup.settings(&host.name);
        let (stop, stopped) = watch::channel(false);
        let (door, has_ended) = (Door::default(), Rc::new(RefCell::new(false)));
        let (opened, ended, watch) = (door.clone(), has_ended.clone(), host.watch());
        // Before all else: when a pool is open is a matter of real time.
        let db = (kind != Kind::Ingress).then(|| host.complete(database(&settings, &watch)));
        host.spawn(async move {
            let queue = service::queue(&settings).expect("the queue's settings are good");
            match (kind, db) {
                (Kind::Worker, Some(db)) => {
                    worker::supervise(&settings, &queue, &db, stopped).await.expect("the worker starts");
                    drop(db.close().await);
                    *ended.borrow_mut() = true;
                }
                (Kind::Api, Some(db)) => {
                    let api = api::Api::start(&settings, db, queue, stopped).expect("the API starts");
                    opened.open(|config| api::http::routes::add(config, api)).await;
                }
                _ => {
                    let ingress = ingress::Ingress::start(&settings, queue, None).expect("ingress starts");
                    opened.open(|config| ingress::routes::add(config, ingress)).await;
                }
            }
        });
        Self { kind, host, door, stop, has_ended }
    }
}
