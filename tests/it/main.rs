//! What coffer does as a whole, one file per subject, linked once.

mod journal;
mod journal_start;
