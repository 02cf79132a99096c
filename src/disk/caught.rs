//! Reading a database that may have rotted: redb panics over some pages.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs what reads a database; where it panics, what the panic said. What panicked is not to be
/// used again, nor closed: that could panic in its turn.
///
/// # Errors
/// What the panic said, in one line.
pub fn caught<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(read));
    CATCHING.set(outer);
    done.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned()));
        text.unwrap_or_default().replace('\n', " ")
    })
}

/// Closes what nobody needs any more and what may have rotted.
pub fn closed<T>(database: T) {
    drop(caught(|| drop(database)));
}

/// Whether a panic of this thread goes to [`caught`], for a panic's hook to know.
pub fn is_caught() -> bool {
    CATCHING.get()
}
