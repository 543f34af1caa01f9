//! `netbanx settings`: what can be set.

use clap::Args;
use serde_json::json;
use settings::table;

use crate::Error;

/// Options of `netbanx settings`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print docs/settings.md.
    #[arg(long)]
    markdown: bool,
}

/// Prints the table of settings; none of their values.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Error> {
    if options.markdown && json {
        return Err(Error::Refused("--markdown prints Markdown: leave --json out".to_owned()));
    }
    if options.markdown {
        crate::output::write(format_args!("{}", table::markdown()));
    } else if json {
        let rows = table::all().map(|setting| {
            json!({"name": setting.name, "default": setting.default, "form": setting.form.describe(), "text": setting.text})
        });
        outln!("{}", rows.collect::<serde_json::Value>());
    } else {
        for group in table::GROUPS {
            outln!("{}", group.title);
            for setting in group.settings {
                let default = if setting.default.is_empty() { String::new() } else { format!(" [{}]", setting.default) };
                outln!("  {}{default}  {}", setting.name, setting.text);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_page_of_settings_is_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
        if std::env::var_os("UPDATE_SETTINGS").is_some() {
            fs::write(&path, table::markdown()).unwrap();
        }
        let page = fs::read_to_string(&path).unwrap_or_default();
        assert!(page == table::markdown(), "settings changed: UPDATE_SETTINGS=1 cargo test -p netbanx settings");
    }
}
