//! `netbanx reconcile`: reports of Netbanx compared with our transactions.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use common::{CompanyId, Kind, Mode};
use comparison::{
    Comparison,
    take_over::{self, Which},
    view,
};
use reconcile::{Amounts, Field, Mapping, Report, report::Reading};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use settings::Settings;
use store::{
    Scope, companies,
    entity::reconciliation,
    reconciliations::{self, By, Decision},
};
use uuid::Uuid;

use crate::{Error, findings, progress::Progress};

/// Runs that are listed.
const LISTED: u64 = 50;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Units {
    /// Integers in the currency's smallest unit: 3740.
    Minor,
    /// Decimals: 37.40.
    Major,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Live,
    Test,
}

/// Options of `netbanx reconcile`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command")]
pub(crate) struct Options {
    /// Whose transactions (slug).
    #[arg(long)]
    company: String,
    /// Read the reports as was saved under this name.
    #[arg(long)]
    mapping: Option<String>,
    /// Save how the reports are read under this name: what --mapping, --map, --amounts, … say.
    #[arg(long)]
    save_mapping: Option<String>,
    /// Which column is which field, such as status=State; without a column the field is not compared. May be repeated. Fields:
    /// id, merchantRefNum, kind, status, amount, currency, time. Usual names of columns need not be told.
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_parser = field_and_column)]
    map: Vec<(Field, String)>,
    /// The units of amounts; minor where nothing says otherwise.
    #[arg(long)]
    amounts: Option<Units>,
    /// Decimals are written with a comma: 37,40.
    #[arg(long)]
    decimal_comma: bool,
    /// How times are written (as of strftime: '%d/%m/%Y %H:%M'), where that is not ISO 8601.
    #[arg(long, value_parser = time_format)]
    time_format: Option<String>,
    /// The reports contain only these kinds; other kinds are not reported as missing there. May be repeated. A single kind is
    /// also that of every row where the report has no column for it.
    #[arg(long = "kind", value_parser = kind)]
    kinds: Vec<Kind>,
    /// Transactions of this mode.
    #[arg(long, default_value = "live")]
    mode: ModeName,
    /// Numbers alone, no lists.
    #[arg(long)]
    summary: bool,
    /// List the comparisons that were made, the latest first, and what was new and gone in each.
    #[arg(long, conflicts_with_all = ["files", "show"])]
    list: bool,
    /// List the mappings that were saved.
    #[arg(long, conflicts_with_all = ["files", "show", "list", "remove_mapping"])]
    mappings: bool,
    /// Remove the mapping that was saved under this name.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["files", "show", "list"])]
    remove_mapping: Option<String>,
    /// Show a comparison that was made, by its id.
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    show: Option<Uuid>,
    /// With --show: leave this item alone from now on, in later comparisons too. May be repeated.
    #[arg(long, value_name = "ITEM", requires_all = ["show", "reason"])]
    ignore: Vec<i64>,
    /// Why it is left alone: 1 to 255 characters.
    #[arg(long, requires = "ignore")]
    reason: Option<String>,
    /// With --show: take over what the report says of this item, or of all, as an event of ours whose source is the report. What
    /// webhooks said stays; what they say later counts. May be repeated.
    #[arg(long, value_name = "ITEM|all", requires = "show")]
    take_over: Vec<Which>,
    /// Reports; `-`: standard input.
    #[arg(required_unless_present_any = ["list", "show", "save_mapping", "mappings", "remove_mapping"])]
    files: Vec<PathBuf>,
}

/// Ends with [`Error::Differs`] where something differs, with [`Error::NotCompared`] where there was no comparison.
pub(crate) async fn run(options: Options, as_json: bool) -> Result<(), Error> {
    let done = Box::pin(work(options, as_json)).await;
    done.map_err(|error| if matches!(error, Error::Differs) { error } else { Error::NotCompared(Box::new(error)) })
}

async fn work(options: Options, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let db = store::connect(&settings.database_url, 2).await?;
    let company = CompanyId(companies::get(&db, &options.company).await?.id);
    if options.list {
        return list(&db, company, as_json).await;
    }
    if options.mappings {
        return saved(&db, company, as_json).await;
    }
    if let Some(name) = &options.remove_mapping {
        if !reconciliations::remove_mapping(&db, company, name, By::COMMAND).await? {
            return Err(Error::Refused(format!("no mapping was saved as '{name}'")));
        }
        outln!("{}", if as_json { json!({"removed": name}).to_string() } else { format!("removed {name}") });
        return Ok(());
    }
    if let Some(id) = options.show {
        let run = reconciliations::run(&db, company, id).await?;
        let is_settled = !options.ignore.is_empty() || !options.take_over.is_empty();
        if is_settled && run.finished_at.is_none() {
            return Err(Error::Refused("the comparison is not at its end".to_owned()));
        }
        // Before anything is ignored.
        take_over::check(&db, &run, &options.take_over).await?;
        if let Some(reason) = &options.reason {
            reconciliations::decide(&db, &run, &options.ignore, Decision::Ignored { reason }, By::COMMAND).await?;
        }
        if !options.take_over.is_empty() {
            let tags = cache::Tags::new(redis_client::connect(&settings.cache_redis_url)?, &settings.queue_name);
            let done = take_over::run(&db, &tags, &run, &options.take_over, By::COMMAND).await?;
            eprintln!("netbanx: {done}");
        }
        let run = reconciliations::run(&db, company, id).await?;
        return told(&db, &run, options.summary, as_json).await;
    }
    let mapping = mapping(&db, company, &options).await?;
    if let Some(name) = &options.save_mapping {
        let text = serde_json::to_string(&mapping).map_err(|error| Error::Refused(error.to_string()))?;
        reconciliations::save_mapping(&db, company, name, &text).await?;
        if options.files.is_empty() {
            outln!("{}", if as_json { json!({"mapping": name}).to_string() } else { format!("saved as {name}") });
            return Ok(());
        }
    }
    let reading = Reading { mapping, kind: if let [kind] = options.kinds[..] { Some(kind) } else { None } };
    // All before the first is read: a file that cannot be read must not leave half a comparison.
    let reports = options.files.iter().enumerate().map(|(number, path)| Report::open(path, number, &reading));
    let reports = reports.collect::<Result<Vec<Report>, _>>()?;
    let mode = match options.mode {
        ModeName::Live => Mode::Live,
        ModeName::Test => Mode::Test,
    };
    let (begun, shown) = (Comparison::begin(&db, company, mode, options.kinds, &reports).await?, Progress::new());
    let run = begun.compare(reports, &mut |rows, report| shown.show(rows, report)).await?;
    shown.end();
    told(&db, &run, options.summary, as_json).await
}

/// What was saved, and what the options say instead.
async fn mapping(db: &DatabaseConnection, company: CompanyId, options: &Options) -> Result<Mapping, Error> {
    let mut mapping = match &options.mapping {
        Some(name) => {
            let text = reconciliations::mapping(db, company, name).await?;
            let text = text.ok_or_else(|| Error::Refused(format!("no mapping was saved as '{name}'")))?;
            serde_json::from_str(&text).map_err(|error| Error::Refused(format!("mapping '{name}': {error}")))?
        }
        None => Mapping::default(),
    };
    mapping.tell(options.map.iter().cloned()).map_err(|fault| Error::Refused(format!("--map {fault}")))?;
    if let Some(units) = options.amounts {
        mapping.amounts = Some(match units {
            Units::Minor => Amounts::Minor,
            Units::Major => Amounts::Major,
        });
    }
    mapping.has_decimal_comma |= options.decimal_comma;
    if options.time_format.is_some() {
        mapping.time_format.clone_from(&options.time_format);
    }
    Ok(mapping)
}

async fn told(db: &DatabaseConnection, run: &reconciliation::Model, is_summary: bool, as_json: bool) -> Result<(), Error> {
    let changes = reconciliations::changes(db, run).await?;
    if as_json {
        findings::write_json(db, run, changes, is_summary).await?;
    } else {
        findings::write_text(db, run, changes, is_summary).await?;
    }
    if view::differs(run) { Err(Error::Differs) } else { Ok(()) }
}

async fn list(db: &DatabaseConnection, company: CompanyId, as_json: bool) -> Result<(), Error> {
    let mut listed: Vec<Value> = Vec::new();
    for run in reconciliations::list(db, Scope::Company(company.0), None, LISTED).await? {
        let changes = reconciliations::changes(db, &run).await?;
        if as_json {
            listed.push(view::view(&run, changes));
        } else {
            outln!("{}", findings::line(&run, changes));
        }
    }
    if as_json {
        outln!("{}", json!({"reconciliations": listed}));
    }
    Ok(())
}

/// The mappings that were saved, each in a line.
async fn saved(db: &DatabaseConnection, company: CompanyId, as_json: bool) -> Result<(), Error> {
    let rows = reconciliations::mappings(db, Scope::Company(company.0)).await?;
    if as_json {
        let rows = rows.iter().map(|row| json!({"name": row.name, "mapping": view::parsed(&row.mapping)}));
        outln!("{}", json!({"mappings": rows.collect::<Vec<_>>()}));
        return Ok(());
    }
    for row in rows {
        outln!("{}\t{}", row.name, row.mapping);
    }
    Ok(())
}

fn field_and_column(text: &str) -> Result<(Field, String), String> {
    let (field, column) = text.split_once('=').ok_or("must be FIELD=COLUMN")?;
    let names = || Field::ALL.map(Field::as_str).join(", ");
    let field = Field::parse(field).ok_or_else(|| format!("'{field}' is no field: {}", names()))?;
    Ok((field, column.trim().to_owned()))
}

fn kind(text: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    reconcile::row::kind(text).ok_or_else(|| format!("must be one of {}", names()))
}

fn time_format(text: &str) -> Result<String, String> {
    reconcile::mapping::time_format_fault(text).map_or_else(|| Ok(text.to_owned()), |fault| Err(fault.to_owned()))
}
