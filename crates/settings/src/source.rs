//! Where values come from: environment over file, read as the table says.

use std::{collections::HashMap, fmt::Display, str::FromStr, time::Duration};

use config::{Config, ConfigError, File, FileFormat};

use crate::{
    Error, bad,
    table::{self, Form, Setting},
};

/// First parts that in the environment are ours alone: a name that begins so and is not known is a
/// slip of the pen, for example `BATCH_SIZES`.
const OURS: [&str; 14] = [
    "ALERT_",
    "BATCH_",
    "BODY_",
    "CACHE_",
    "CLIENT_",
    "DEDUP_",
    "HISTORY_",
    "INGRESS_",
    "OIDC_",
    "OUTBOUND_",
    "QUEUE_",
    "REQUESTS_PER_",
    "ROLLUP_",
    "WEBHOOK_",
];

/// What is set, by name.
pub(crate) struct Source(HashMap<String, String>);

impl Source {
    pub fn open() -> Result<Self, Error> {
        Self::layered(std::env::var("NETBANX_CONFIG").ok().as_deref(), of_environment()?)
    }

    /// The config crate reads the file; it would take `batch_size` and `BATCH_SIZE` for two settings, so the environment is laid over
    /// it here.
    fn layered(file: Option<&str>, environment: HashMap<String, String>) -> Result<Self, Error> {
        let Some(path) = file else { return Ok(Self(environment)) };
        let layer = Config::builder().add_source(File::new(path, FileFormat::Toml)).build();
        let values = layer.and_then(Config::try_deserialize::<HashMap<String, config::Value>>);
        let mut all = HashMap::new();
        for (key, value) in values.map_err(|error| Error::File(format!("{path}: {}", told(&error))))? {
            let name = key.to_ascii_uppercase();
            if table::find(&name).is_none() {
                return Err(Error::Unknown(name));
            }
            let form = |_| Error::File(format!("{name}: must be a text, a number, true or false"));
            let value = value.into_string().map_err(form)?;
            all.insert(name, value);
        }
        all.extend(environment);
        Ok(Self(all))
    }

    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    /// The value, unless it is unset or empty.
    pub fn optional(&self, setting: &Setting) -> Option<String> {
        self.0.get(setting.name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// The value, else the default.
    pub fn text(&self, setting: &Setting) -> String {
        self.optional(setting).unwrap_or_else(|| setting.default.to_owned())
    }

    pub fn optional_parse<T: FromStr<Err: Display>>(&self, setting: &Setting) -> Result<Option<T>, Error> {
        let text = self.text(setting);
        if text.is_empty() {
            return Ok(None);
        }
        let bad = |error: T::Err| Error::Bad { name: setting.name, reason: format!("'{text}': {error}") };
        text.parse().map(Some).map_err(bad)
    }

    pub fn parse<T: FromStr<Err: Display>>(&self, setting: &Setting) -> Result<T, Error> {
        self.optional_parse(setting)?.ok_or_else(|| bad(setting.name, "is required"))
    }

    /// A number of the setting's range.
    pub fn number<T: TryFrom<u64>>(&self, setting: &Setting) -> Result<T, Error> {
        let number: u64 = self.parse(setting)?;
        if let Form::Number { low, high, .. } = setting.form
            && !(low..=high).contains(&number)
        {
            return Err(bad(setting.name, &format!("{number} is not within {low} and {high}")));
        }
        T::try_from(number).map_err(|_| bad(setting.name, &format!("{number} is too large")))
    }

    pub fn seconds(&self, setting: &Setting) -> Result<Duration, Error> {
        self.number(setting).map(Duration::from_secs)
    }

    /// A share, from 0 to 1.
    pub fn share(&self, setting: &Setting) -> Result<Option<f64>, Error> {
        match self.optional_parse(setting)? {
            Some(share) if !(0.0..=1.0).contains(&share) => Err(bad(setting.name, &format!("{share} is not within 0 and 1"))),
            share => Ok(share),
        }
    }

    /// One of the setting's names.
    pub fn choice(&self, setting: &Setting) -> Result<String, Error> {
        let text = self.text(setting);
        match setting.form {
            Form::Choice(names) if !names.contains(&text.as_str()) => {
                Err(bad(setting.name, &format!("must be one of {}", names.join(", "))))
            }
            _ => Ok(text),
        }
    }
}

/// What is wrong with a file, without the line itself that an error repeats: it may hold a secret.
fn told(error: &ConfigError) -> String {
    let ConfigError::FileParse { cause, .. } = error else { return error.to_string() };
    let text = cause.to_string();
    let place = text.lines().next().and_then(|line| line.split_once("at line ")).map(|(_, place)| place);
    let place = place.filter(|place| place.chars().all(|c| c.is_ascii_digit() || ", column".contains(c)));
    let place = place.map(|place| format!(" at line {place}")).unwrap_or_default();
    format!("is no TOML{place}; each setting stands once, as NAME = 1, NAME = true or NAME = \"text\"")
}

/// What of the environment is ours.
fn of_environment() -> Result<HashMap<String, String>, Error> {
    let mut own = HashMap::new();
    for (name, value) in std::env::vars_os() {
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
        if table::find(&name).is_some() {
            own.insert(name, value);
        } else if OURS.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(Error::Unknown(name));
        }
    }
    Ok(own)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn layered(text: &str, environment: &[(&str, &str)]) -> Result<Source, Error> {
        let path = std::env::temp_dir().join(format!("netbanx-settings-{}-{:p}.toml", std::process::id(), text));
        std::fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let source = Source::layered(path.to_str(), environment);
        std::fs::remove_file(&path).unwrap();
        source
    }

    #[test]
    fn the_environment_wins_over_the_file_whatever_the_case_of_its_names() {
        for text in ["BATCH_SIZE = 7\nMAX_ATTEMPTS = 9", "batch_size = 7\nmax_attempts = 9"] {
            let source = layered(text, &[("BATCH_SIZE", "8")]).unwrap();
            let read = |setting| source.number::<u16>(setting).unwrap();
            assert_eq!((read(&table::BATCH_SIZE), read(&table::MAX_ATTEMPTS)), (8, 9), "{text}");
        }
        assert!(matches!(layered("batch_sizes = 7", &[]), Err(Error::Unknown(name)) if name == "BATCH_SIZES"));
        assert!(matches!(layered("batch_size = [", &[]), Err(Error::File(_))));
    }

    #[test]
    fn a_file_that_cannot_be_read_does_not_tell_what_stands_in_it() {
        for (text, told) in [
            ("BATCH_SIZE = 7\nREDIS_PASSWORD = hunter2", "line 2, column"),
            ("REDIS_PASSWORD = \"hunter2", "line 1, column"),
            ("REDIS_PASSWORD hunter2", "line 1, column"),
            ("REDIS_PASSWORD = \"a\"\nREDIS_PASSWORD = \"hunter2\"", "line 2, column"),
            ("REDIS_PASSWORD = [\"hunter2\"]", "REDIS_PASSWORD: must be a text"),
            ("REDIS_PASSWORD = {own = \"hunter2\"}", "REDIS_PASSWORD: must be a text"),
            ("DATABASE_URL = \"\"\"postgres://u:hunter2@h/d\\q\"\"\"", "line 1, column"),
        ] {
            let Err(Error::File(message)) = layered(text, &[]) else { unreachable!("{text}") };
            assert!(message.contains(told) && !message.contains("hunter"), "{text}: {message}");
        }
        let Err(Error::File(message)) = Source::layered(Some("/nonexistent.toml"), HashMap::new()) else { unreachable!() };
        assert!(message.contains("/nonexistent.toml") && message.contains("not found"), "{message}");
    }
}
