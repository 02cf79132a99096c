//! `coffer version`: this program's version and those of what it writes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::failure::Failure;
use super::output;
use crate::books;
use crate::journal::FORMATS;

#[derive(Serialize)]
struct Told {
    version: &'static str,
    formats: BTreeMap<&'static str, u64>,
}

pub(super) fn run(json: bool) -> Result<(), Failure> {
    let told = Told {
        version: env!("CARGO_PKG_VERSION"),
        formats: FORMATS
            .into_iter()
            .chain([("books", books::FORMAT)])
            .collect(),
    };
    if json {
        let told = serde_json::to_string(&told).expect("a struct of texts and numbers is JSON");
        return output::print(&told);
    }
    let formats = told.formats.iter();
    let formats: Vec<String> = formats
        .map(|(name, number)| format!("{name} {number}"))
        .collect();
    output::print(&format!(
        "coffer {} (formats: {})",
        told.version,
        formats.join(", ")
    ))
}
