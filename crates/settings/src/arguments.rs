//! What a service takes on its command line: nothing but `--help` and `--version`.

use std::fmt::Write;

use clap::Command;

use crate::table;

pub(crate) fn command(name: &'static str, purpose: &'static str) -> Command {
    let width = table::all().map(|setting| setting.name.len()).max().unwrap_or_default();
    let mut settings = String::from("Settings, from the environment or the TOML file that NETBANX_CONFIG names:\n");
    for setting in table::all() {
        // The first clause; `netbanx settings` has all of it.
        let text = setting.text.split([';', '.']).next().unwrap_or_default();
        let default = if setting.default.is_empty() { String::new() } else { format!(" [{}]", setting.default) };
        // Writing to a text does not fail.
        let _ = writeln!(settings, "  {:width$}  {text}{default}", setting.name);
    }
    Command::new(name).version(env!("CARGO_PKG_VERSION")).about(purpose).after_help(settings)
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn help_names_every_setting_and_what_is_unknown_is_refused() {
        let refused = |argument| command("worker", "Stores webhooks").try_get_matches_from(["worker", argument]).err();
        let help = refused("--help").map(|e| e.to_string()).unwrap_or_default();
        assert!(table::all().all(|setting| help.contains(setting.name)), "{help}");
        assert_eq!(refused("--version").map(|e| e.kind()), Some(ErrorKind::DisplayVersion));
        assert_eq!(refused("--port").map(|e| e.kind()), Some(ErrorKind::UnknownArgument));
    }
}
