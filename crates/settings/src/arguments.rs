//! What a service takes on its command line: nothing but `--help` and `--version`.

use clap::Command;

use crate::source::KNOWN;

pub(crate) fn command(name: &'static str, purpose: &'static str) -> Command {
    let settings = format!(
        "Settings are read from the environment, or from the TOML file that NETBANX_CONFIG names (README.md tells what each \
         does):\n  {}",
        KNOWN.join("\n  ")
    );
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
        assert!(KNOWN.iter().all(|name| help.contains(name)), "{help}");
        assert_eq!(refused("--version").map(|e| e.kind()), Some(ErrorKind::DisplayVersion));
        assert_eq!(refused("--port").map(|e| e.kind()), Some(ErrorKind::UnknownArgument));
    }
}
