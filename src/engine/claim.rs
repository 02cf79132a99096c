//! Who claims received payments: the bank's references that were named, and for what.
//!
//! One received payment settles one claimant, once (partner-api.md, Payment Gateway). A claim may
//! come long before its payment or after it.

use crate::id::{OrderReference, Seq};

/// All for which somebody has named a reference, in that order; some name another one now.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Claims {
    /// At least one where there is a row at all.
    pub by: Vec<Claim>,
}

/// A reference named for an order. Deposits have theirs to themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub by: OrderReference,
    /// The entry in which it was named first.
    pub named: Seq,
}

impl Claims {
    /// Takes in that an order names the reference, unless that is known.
    pub fn add(&mut self, by: OrderReference, named: Seq) {
        if self.by.iter().all(|claim| claim.by != by) {
            self.by.push(Claim { by, named });
        }
    }

    /// The newest entry that says anything of the reference.
    pub fn newest(&self) -> Seq {
        self.by.last().map_or(Seq::NONE, |claim| claim.named)
    }
}
