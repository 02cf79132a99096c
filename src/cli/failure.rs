//! Why a command did not do what was asked, and the exit code that says so.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::disk::{caught, is_caught};
use crate::http::client::ClientError;
pub(super) use crate::journal::described;

/// A command that ends with another code than 0. Each holds the reason, in a sentence.
#[derive(Debug)]
pub(super) enum Failure {
    /// 1: refused, or something broke.
    Refused(String),
    /// 2: wrong usage or configuration.
    Usage(String),
    /// 3: no server is reached.
    Unreachable(String),
    /// 4: `verify` found damage, and has told it.
    Damage,
    /// This code, for a reason that stands in the log.
    Logged(u8),
}

impl Failure {
    /// Refused or failed, with everything that an error knows.
    pub(super) fn of(error: &dyn Error) -> Failure {
        Failure::Refused(described(error))
    }

    /// The reason.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Failure::Refused(reason) | Failure::Usage(reason) | Failure::Unreachable(reason) => {
                Some(reason)
            }
            Failure::Damage | Failure::Logged(_) => None,
        }
    }

    /// The exit code (operations.md, Commands).
    pub(super) fn code(&self) -> u8 {
        match self {
            Failure::Refused(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Unreachable(_) => 3,
            Failure::Damage => 4,
            Failure::Logged(code) => *code,
        }
    }

    /// Tells the reason on standard error.
    pub(super) fn tell(&self) -> ExitCode {
        if let Some(reason) = self.reason() {
            eprintln!("coffer: {reason}");
        }
        ExitCode::from(self.code())
    }
}

/// Does something with a data directory: where that panics over what lies there, the panic is the
/// reason of a refusal.
pub(super) fn over<T>(
    data: &Path,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    caught(work).unwrap_or_else(|why| {
        Err(Failure::Refused(format!(
            "data directory {}: stopped over what lies there ({why}): coffer verify tells which \
             file is damaged, and what to do",
            data.display()
        )))
    })
}

/// From here on a panic that somebody takes for a finding is told by nobody else.
pub(super) fn quiet_caught() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_caught() {
            before(panic);
        }
    }));
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::Usage(described(&error))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        Failure::Unreachable(described(&error))
    }
}
