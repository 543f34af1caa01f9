//! A report comes in, and is compared in the background: one at a time in each replica, others wait.

use std::{str::FromStr, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, rt::task::spawn_blocking, web};
use common::Mode;
use comparison::Comparison;
use http_service::{Problem, ProblemKind, uncached};
use reconcile::{Amounts, Field, Mapping, Report, report::Reading};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    Scope,
    entity::reconciliation,
    reconciliations::{self, LONGEST_NAME},
};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::upload;
use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        users::no_company,
    },
    auth,
    http::{
        openapi::problems,
        query::{
            self, Flag, OfCompany, Text, Texts,
            choice::{Kinds, OneMode, names},
            value::{Bad, form, string},
        },
    },
    query_failed,
    reads::views::Success,
    refused,
    stream::{Limits, Place},
};

/// Reports that come in, wait or are compared.
pub(crate) const PLACES: Limits = Limits { what: "reports", all: 4, of_company: 1, of_sender: 2 };

/// How often a comparison tells how far it is.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How often noting that a comparison stopped is tried: more often than a pool has connections by default, since at the end of
/// the process each of them may be one that ended with the thread that had opened it.
const NOTE_ATTEMPTS: u32 = 20;

const NOTE_PAUSE: Duration = Duration::from_millis(50);

/// What is told of a comparison that the end of the process cut off.
const STOPPED: &str = "the service was stopped: send the report again";

names! {
    /// The units of amounts.
    Units { Minor = "minor", Major = "major" }
}

/// What a mapping is saved under.
#[derive(Debug)]
struct MappingName(String);

impl FromStr for MappingName {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let Text(name) = text.parse()?;
        if name.chars().count() > LONGEST_NAME {
            return Err(Bad(format!("may have {LONGEST_NAME} characters")));
        }
        Ok(Self(name))
    }
}

form!(MappingName, string().max_length(Some(LONGEST_NAME)));

/// How a report is to be read, and what it is compared with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// The report's name, for people.
    #[param(inline)]
    name: Option<Text>,
    /// Read the report as was saved under this name.
    #[param(inline)]
    mapping: Option<MappingName>,
    /// Save how the report is read under this name.
    #[param(inline)]
    save_mapping: Option<MappingName>,
    /// Which column is which field, such as `status=State`; several are separated by commas. Usual names need not be told.
    #[param(inline)]
    columns: Option<Texts>,
    /// The units of amounts; minor where nothing says otherwise.
    #[param(inline)]
    amounts: Option<Units>,
    /// Decimals are written with a comma: 37,40.
    #[param(inline)]
    decimal_comma: Flag,
    /// How times are written, as of strftime, where that is not ISO 8601; without `%Z`, since names of zones mean several.
    #[param(inline)]
    time_format: Option<Text>,
    /// The report has these kinds alone: others of ours are not missing there.
    #[param(inline)]
    kind: Kinds,
    /// Transactions of this mode; live where it is absent.
    #[param(inline)]
    mode: Option<OneMode>,
}

/// A comparison that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Begun {
    id: Uuid,
}

/// Compare a report with a company's transactions. Needs `manage:secrets`.
///
/// The body is the report: CSV in any usual form and encoding, gzipped or not, 256 MiB at most. The comparison goes on in the
/// background; `Location` tells how far it is. A company's reports are compared one after the other: 429 while one is.
#[utoipa::path(post, path = "/api/v1/reconciliations", tag = "reconciliation", params(OfCompany, ReportQuery),
    request_body(content = String, content_type = "text/csv", description = "The report"),
    responses((status = 202, body = Success<Begun>, description = "It is being compared"), problems::Change))]
pub(crate) async fn start(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let Scope::Company(company) = OfCompany::scope(&api, &request, &caller).await? else { return Err(no_company()) };
    let company = common::CompanyId(company);
    let asked: ReportQuery = query::read(&request)?;
    let (name, save_as, mode) = (asked.name.as_ref(), asked.save_mapping.as_ref(), asked.mode.map_or(Mode::Live, |mode| mode.0));
    let name = name.map_or("report", |Text(name)| name).to_owned();
    let mapping = mapping(&api, company, &asked).await?;
    let place = api.reports.open(&caller.actor, Scope::Company(company.0))?;
    let file = upload::file(&request, body).await?;
    let kinds = asked.kind.0;
    let reading = Reading { mapping, kind: if let [kind] = kinds[..] { Some(kind) } else { None } };
    let (opened, reading) = spawn_blocking(move || (Report::of_file(file, name, 0, &reading), reading))
        .await
        .map_err(|_| Problem::new(ProblemKind::Internal, "the report was not read"))?;
    let report = opened.map_err(|error| unreadable(&error))?;
    if let Some(MappingName(name)) = save_as {
        let text = serde_json::to_string(&reading.mapping).map_err(|e| Problem::parameter("saveMapping", e.to_string()))?;
        reconciliations::save_mapping(&api.db, company, name, &text).await.map_err(|e| refused(&e))?;
    }
    let id = begin(&api, company, mode, kinds, report, place).await?;
    let author = Author::of(&api, &request, &caller).about(company);
    author.note_alone(&api, "reconciliation.start", &json!({"reconciliation": id})).await?;
    let mut answer = uncached(HttpResponse::Accepted(), Begun { id });
    if let Ok(place) = header::HeaderValue::from_str(&format!("/api/v1/reconciliations/{id}")) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// What was saved, and what the parameters say instead.
async fn mapping(api: &Api, company: common::CompanyId, asked: &ReportQuery) -> Result<Mapping, Problem> {
    let mut mapping = match &asked.mapping {
        Some(MappingName(name)) => {
            let text = reconciliations::mapping(&api.db, company, name).await.map_err(|e| query_failed(&e))?;
            let text = text.ok_or_else(|| Problem::parameter("mapping", "no mapping was saved under that name"))?;
            serde_json::from_str(&text).map_err(|e| Problem::parameter("mapping", e.to_string()))?
        }
        None => Mapping::default(),
    };
    let mut told = Vec::new();
    for pair in asked.columns.iter().flat_map(|columns| &columns.0) {
        let (field, column) = pair.split_once('=').unwrap_or((pair, ""));
        let names = || Field::ALL.map(Field::as_str).join(", ");
        let field = Field::parse(field).filter(|_| pair.contains('='));
        let field = field
            .ok_or_else(|| Problem::parameter("columns", format!("columns must be FIELD=COLUMN; fields are {}", names())))?;
        told.push((field, column.trim().to_owned()));
    }
    mapping.tell(told).map_err(|fault| Problem::parameter("columns", format!("columns {fault}")))?;
    if let Some(units) = asked.amounts {
        mapping.amounts = Some(if units == Units::Minor { Amounts::Minor } else { Amounts::Major });
    }
    mapping.has_decimal_comma |= asked.decimal_comma.0;
    if let Some(Text(format)) = &asked.time_format {
        if let Some(fault) = reconcile::mapping::time_format_fault(format) {
            return Err(Problem::parameter("timeFormat", format!("timeFormat {fault}")));
        }
        mapping.time_format = Some(format.clone());
    }
    Ok(mapping)
}

/// The report cannot be read at all, and nothing was begun.
fn unreadable(error: &reconcile::Error) -> Problem {
    let parameter = match error {
        reconcile::Error::NoSuchColumn { .. } | reconcile::Error::RepeatedColumn { .. } => "columns",
        reconcile::Error::TimeFormat(_) => "timeFormat",
        _ => "body",
    };
    Problem::parameter(parameter, error.to_string())
}

/// Begins a run and goes on with it in the background, in `place`. Returns its id.
async fn begin(
    api: &Api,
    company: common::CompanyId,
    mode: Mode,
    kinds: Vec<common::Kind>,
    report: Report,
    place: Place,
) -> Result<Uuid, Problem> {
    let reports = vec![report];
    // The comparison borrows the database, so it begins where it goes on; the run is told as soon as there is one.
    let (told, begun) = tokio::sync::oneshot::channel();
    let api = api.clone();
    let part = api.under_way.clone().acquire_owned().await;
    api.background.clone().spawn(async move {
        let _held = (place, part);
        match Comparison::begin(&api.db, company, mode, kinds, &reports).await {
            Ok(comparison) => {
                let run = comparison.run().clone();
                let _ = told.send(Ok(run.id));
                end(&api, &run, go_on(&api, &run, comparison, reports).await).await;
            }
            Err(error) => drop(told.send(Err(error))),
        }
    });
    let gone = |_| Problem::new(ProblemKind::Unavailable, "the comparison did not begin");
    begun.await.map_err(gone)?.map_err(|error| super::failed(&error))
}

/// Compares when it is its turn, tells how far it is, and leaves off when the process ends.
async fn go_on(
    api: &Api,
    run: &reconciliation::Model,
    comparison: Comparison<'_>,
    reports: Vec<Report>,
) -> Result<(), comparison::Error> {
    let (progress, seen) = watch::channel((0, None));
    let compare = async {
        let _turn = api.comparing.acquire().await.map_err(|_| comparison::Error::Stopped)?;
        let mut tell = |rows, report: &Report| {
            progress.send_replace((rows, report.read_of(100).map(|percent| percent as i64)));
        };
        comparison.compare(reports, &mut tell).await
    };
    let alive = async {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE).await;
            let (rows, percent) = *seen.borrow();
            if let Err(error) = reconciliations::alive(&api.db, run, rows, percent).await {
                tracing::debug!(%error, "how far a comparison is was not noted");
            }
        }
    };
    let mut stop = api.stop.clone();
    tokio::select! {
        done = compare => done.map(drop),
        () = alive => Err(comparison::Error::Stopped),
        _ = stop.wait_for(|is_set| *is_set) => Err(comparison::Error::Stopped),
    }
}

/// Notes why a comparison did not come to its end.
async fn end(api: &Api, run: &reconciliation::Model, done: Result<(), comparison::Error>) {
    let Err(error) = done else { return };
    tracing::warn!(%error, reconciliation = %run.id, "a comparison did not come to its end");
    let told = match error {
        comparison::Error::Report(error) => error.to_string(),
        // Connections that threads opened which answered requests end with these, before the process does.
        _ if *api.stop.borrow() => STOPPED.to_owned(),
        comparison::Error::Stopped => STOPPED.to_owned(),
        comparison::Error::Store(_) | comparison::Error::Event(_) => "the database did not take it".to_owned(),
        // Of items, once there are any.
        other => other.to_string(),
    };
    for attempt in 1..=NOTE_ATTEMPTS {
        let Err(error) = reconciliations::stopped(&api.db, run, &told).await else { return };
        tracing::warn!(%error, attempt, "that a comparison stopped was not noted");
        tokio::time::sleep(NOTE_PAUSE).await;
    }
}
