//! Commands and options.

use clap::{Parser, Subcommand};
use uuid::Uuid;

use crate::{
    Error, admin, alert_channel_command, dev, doctor, endpoint_command, listen_command, lookup_command, queue_command,
    reconcile_command, replay_command, rollup_command, send, settings_command,
    sources::{KeySource, PasswordSource, Receiver},
};

/// Operate the webhook platform. Reads the same settings as the services (see `netbanx settings`).
#[derive(Debug, Parser)]
#[command(name = "netbanx", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all three services in one process, with a demo company when the database is new.
    Dev {
        /// Port of the API; the receiver listens there too, and by itself on the next port: 1 to 65534.
        #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65534))]
        port: u16,
        /// Without the payments that come in every few seconds.
        #[arg(long)]
        quiet: bool,
    },
    /// Apply the migrations that the database lacks.
    Migrate,
    /// Partition webhooks and transactions by month (PostgreSQL). New databases are so from the start; an older
    /// one is changed in place, once every worker is of this version.
    Partition,
    /// Spread the companies over the servers of a PostgreSQL with the extension Citus. A new database is spread by
    /// `migrate` right away where the extension is there; what was interrupted goes on when it is run again.
    Distribute {
        /// List what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Companies.
    #[command(subcommand)]
    Company(Company),
    /// Receivers' HMAC keys.
    #[command(subcommand)]
    Secret(Secret),
    /// API tokens.
    #[command(subcommand)]
    Token(Token),
    /// People who sign in.
    #[command(subcommand)]
    User(User),
    /// The audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Which company an account's webhooks belong to.
    #[command(subcommand)]
    Account(Account),
    /// Where companies' own systems are told of what changed.
    #[command(subcommand)]
    Endpoint(endpoint_command::EndpointCommand),
    /// Where alerts are told: e-mail, Slack, PagerDuty, webhooks.
    #[command(subcommand)]
    AlertChannel(alert_channel_command::AlertChannelCommand),
    /// While developing: forward a company's messages to a local address, signed as endpoints get them.
    Listen(listen_command::Options),
    /// Ask Netbanx what it has, by id or reference, and show it beside what we have; or set how it is asked.
    Lookup(lookup_command::Options),
    /// The queue: counts, pause, dead letters.
    #[command(subcommand)]
    Queue(queue_command::QueueCommand),
    /// The figures by buckets of time.
    #[command(subcommand)]
    Rollup(rollup_command::RollupCommand),
    /// Interpret stored webhooks anew by the rules of now, while everything goes on; one that was stopped goes on where it was.
    Replay(replay_command::Options),
    /// Compare reports of Netbanx (CSV) with what we have. Status 0: nothing differs; 1: something does, or rows cannot be
    /// read; 2: there was no comparison.
    Reconcile(reconcile_command::Options),
    /// Say what is wrong with this installation and what to do about it; changes nothing. Fails where something is.
    Doctor(doctor::Options),
    /// List the settings: names, defaults, what they may be and do.
    Settings(settings_command::Options),
    /// Send signed, realistic webhooks.
    Send(send::Options),
}

#[derive(Debug, Subcommand)]
enum Company {
    /// Add a company.
    Add {
        /// Its name for people.
        name: String,
        /// Its name in paths; made from the name if absent.
        #[arg(long)]
        slug: Option<String>,
        /// The zone whose days are the company's, a name of IANA's database such as America/Toronto; absent: UTC.
        #[arg(long)]
        time_zone: Option<String>,
    },
    /// Change a company's time zone; its figures use it at once.
    Set {
        /// Its slug.
        slug: String,
        /// The zone whose days are the company's, such as America/Toronto; none: it has no zone of its own any more.
        #[arg(long)]
        time_zone: String,
    },
    /// List the companies.
    List,
}

#[derive(Debug, Subcommand)]
enum Secret {
    /// Set a receiver's key; keys before it end at once.
    Set {
        #[command(flatten)]
        receiver: Receiver,
        #[command(flatten)]
        source: KeySource,
        /// How the text becomes key bytes.
        #[arg(long, default_value = "utf8", value_parser = ["utf8", "base64", "hex"])]
        encoding: String,
    },
    /// Set a new key; the one before stays active for a while.
    Rotate {
        #[command(flatten)]
        receiver: Receiver,
        #[command(flatten)]
        source: KeySource,
        /// How the text becomes key bytes.
        #[arg(long, default_value = "utf8", value_parser = ["utf8", "base64", "hex"])]
        encoding: String,
        /// For how many hours the key before stays active.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=720))]
        grace_hours: u16,
    },
    /// List receivers' keys by version; never the keys themselves.
    List,
    /// Encrypt all keys again under the first of MASTER_KEY's keys, so that those behind it can go.
    Rewrap,
    /// End a key now.
    Revoke {
        #[command(flatten)]
        receiver: Receiver,
        /// Which version.
        #[arg(long)]
        version: i32,
    },
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a token; it alone is printed on standard output, this once.
    Add {
        /// The company's slug.
        #[arg(long, required_unless_present = "admin", conflicts_with = "admin")]
        company: Option<String>,
        /// For all companies, with every permission.
        #[arg(long)]
        admin: bool,
        /// A permission; may be repeated. Absent: everything that only reads.
        #[arg(long)]
        permission: Vec<String>,
        /// Its name for people.
        #[arg(long, default_value = "token")]
        name: String,
        /// After how many days it ends, 1 to 3,650.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
        expires_days: u16,
    },
    /// List the tokens; never the tokens themselves.
    List,
    /// End a token now.
    Revoke {
        /// Its id, as `token list` shows it.
        #[arg(long)]
        id: Uuid,
    },
}

#[derive(Debug, Subcommand)]
enum User {
    /// Add a user.
    Add {
        /// The e-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// What they may do.
        #[arg(long, value_parser = ["administrator", "company-administrator", "member", "read-only"])]
        role: String,
        /// The company's slug; for every role but administrator.
        #[arg(long)]
        company: Option<String>,
        #[command(flatten)]
        source: PasswordSource,
    },
    /// List the users.
    List,
    /// Set a new password; ends a lock-out and all sessions of the user.
    Password {
        /// The user's e-mail address.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        source: PasswordSource,
    },
    /// Turn off the second factor of a user who lost it; ends their sessions.
    ResetSecondFactor {
        /// The user's e-mail address.
        #[arg(long)]
        email: String,
    },
    /// Remove a user and end their sessions.
    Remove {
        /// The user's e-mail address.
        #[arg(long)]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Prove that no entry was changed, removed or put in. Fails where one was.
    Verify,
}

#[derive(Debug, Subcommand)]
enum Account {
    /// Webhooks of this account whose path names no company belong to that company from now on.
    Assign {
        /// The account's number at Netbanx.
        #[arg(long)]
        account_id: String,
        /// The company's slug.
        #[arg(long)]
        company: String,
    },
}

impl Cli {
    pub async fn run(self) -> Result<(), Error> {
        let json = self.json;
        match self.command {
            Command::Dev { port, quiet } => Box::pin(dev::run(port, quiet)).await,
            Command::Send(options) => send::run(&options, json).await,
            Command::Settings(options) => settings_command::run(&options, json),
            Command::Doctor(options) => doctor::run(options, json).await,
            Command::Queue(command) => queue_command::run(command, json).await,
            Command::Rollup(command) => rollup_command::run(command, json).await,
            Command::Replay(options) => Box::pin(replay_command::run(options, json)).await,
            Command::Reconcile(options) => reconcile_command::run(options, json).await,
            command => {
                let context = admin::AdminContext::open(json).await?;
                match command {
                    Command::Migrate => context.migrate().await,
                    Command::Partition => context.partition().await,
                    Command::Distribute { dry_run } => context.distribute(dry_run).await,
                    Command::Endpoint(command) => endpoint_command::run(command, &context).await,
                    Command::AlertChannel(command) => alert_channel_command::run(command, &context).await,
                    Command::Listen(options) => listen_command::run(options, &context).await,
                    Command::Lookup(options) => lookup_command::run(options, &context).await,
                    Command::Company(Company::Add { name, slug, time_zone }) => {
                        context.add_company(&name, slug, time_zone.as_deref()).await
                    }
                    Command::Company(Company::Set { slug, time_zone }) => context.set_company(&slug, &time_zone).await,
                    Command::Company(Company::List) => context.list_companies().await,
                    Command::Secret(Secret::Set { receiver, source, encoding }) => {
                        context.set_secret(&receiver, &source, &encoding, 0).await
                    }
                    Command::Secret(Secret::Rotate { receiver, source, encoding, grace_hours }) => {
                        context.set_secret(&receiver, &source, &encoding, i64::from(grace_hours) * 3_600_000).await
                    }
                    Command::Secret(Secret::Rewrap) => context.rewrap_secrets().await,
                    Command::Audit(Audit::Verify) => context.verify_audit().await,
                    Command::Secret(Secret::List) => context.list_secrets().await,
                    Command::Secret(Secret::Revoke { receiver, version }) => context.revoke_secret(&receiver, version).await,
                    Command::Token(Token::Add { company, admin, permission, name, expires_days }) => {
                        context.add_token(company.as_deref(), admin, permission, &name, expires_days).await
                    }
                    Command::Token(Token::List) => context.list_tokens().await,
                    Command::Token(Token::Revoke { id }) => context.revoke_token(id).await,
                    Command::User(User::Add { email, role, company, source }) => {
                        context.add_user(&email, &role, company.as_deref(), &source).await
                    }
                    Command::User(User::List) => context.list_users().await,
                    Command::User(User::Password { email, source }) => context.set_password(&email, &source).await,
                    Command::User(User::ResetSecondFactor { email }) => context.reset_second_factor(&email).await,
                    Command::User(User::Remove { email }) => context.remove_user(&email).await,
                    Command::Account(Account::Assign { account_id, company }) => {
                        context.assign_account(&account_id, &company).await
                    }
                    Command::Dev { .. }
                    | Command::Send(_)
                    | Command::Settings(_)
                    | Command::Doctor(_)
                    | Command::Queue(_)
                    | Command::Rollup(_)
                    | Command::Replay(_)
                    | Command::Reconcile(_) => Ok(()),
                }
            }
        }
    }
}
