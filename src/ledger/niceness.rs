//! Who goes first where the processor is wanted by more than it can serve: whoever answers.

/// Of a thread that nobody waits for (the machine's niceness, 0 to 19).
pub(super) const READS_ASIDE: i32 = 10;

/// Of the thread that writes the books: it must keep up with play, and play goes before it.
pub(super) const WRITES_BOOKS: i32 = 5;

/// Others than this thread go first from now on. Where the machine refuses, it goes on as eagerly
/// as they do.
pub(super) fn give_way(niceness: i32) {
    // Of this thread alone, as Linux has it.
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!(%error, "a thread goes on as eagerly as others");
    }
}
