//! What deposits are named by (paykassma-api.md, Deposits).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{IdError, is_word};

text! {
    /// What operators know a deposit by, and what its page is found by where it has one: nobody
    /// can guess it.
    DepositReference,
    "must be 1 to 35 letters, digits or _",
    |text| is_word(text, 35)
}
