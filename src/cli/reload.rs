//! SIGHUP: the configuration is read again, and what can change while serving does. A faulty one
//! changes nothing, and the log says why.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use crate::config::Config;
use crate::http::State;

/// Reads the configuration as the start did.
pub(super) type Reread = Box<dyn Fn() -> Result<Config, Failure> + Send>;

/// Begins to wait for SIGHUP, until the process ends.
pub(super) fn reload_when_asked(reread: Reread, state: Arc<State>) -> Result<(), Failure> {
    let mut hang_up = signal(SignalKind::hangup()).map_err(|error| Failure::of(&error))?;
    let waits = async move {
        while hang_up.recv().await.is_some() {
            reload(&reread, &state);
        }
    };
    drop(tokio::spawn(waits));
    Ok(())
}

fn reload(reread: &Reread, state: &State) {
    match reread() {
        Ok(config) => {
            let systems = config.paykassma.catalogue.iter().count();
            state.gateway.offer(config.paykassma.catalogue);
            tracing::info!(
                systems,
                "SIGHUP: offering the payment systems as configured now"
            );
        }
        Err(failure) => {
            let reason = failure.reason().unwrap_or("no reason is known");
            tracing::error!(reason, "SIGHUP: the configuration stays as it was");
        }
    }
}
