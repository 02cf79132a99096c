//! `verify`: the whole journal read, its chain checked, and every entry audited.

use crate::engine::audit::Audit;
use crate::id::Seq;
use crate::journal::{Head, Journal, described};

/// What a verification came to (operations.md, `verify`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Entries read.
    pub entries: u64,
    /// The last entry and the chain's hash there, as far as the journal could be read.
    pub head: Head,
    /// What is wrong; nothing where empty.
    pub findings: Vec<String>,
}

/// Reads a journal from its first entry to its last.
pub fn verify(journal: &dyn Journal) -> Verified {
    let mut audit = Audit::default();
    let mut entries = 0_u64;
    let mut head = Head::EMPTY;
    match journal.read_from(Seq::NONE.next()) {
        Err(error) => audit.find(described(&error)),
        Ok(batches) => {
            for batch in batches {
                match batch {
                    Ok(batch) => {
                        batch.entries.iter().for_each(|entry| audit.read(entry));
                        entries += batch.entries.len() as u64;
                        head = batch.head;
                    }
                    // What cannot be read breaks the chain: nothing after it can be trusted.
                    Err(error) => {
                        audit.find(described(&error));
                        break;
                    }
                }
            }
        }
    }
    if head != journal.head() {
        audit.find(format!(
            "the journal ends at entry {}, but its head is {}",
            head.seq,
            journal.head().seq
        ));
    }
    Verified {
        entries,
        head,
        findings: audit.finish(),
    }
}
