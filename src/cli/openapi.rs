//! `coffer openapi`: the description of all that can be asked over HTTP.

use super::failure::Failure;
use super::output;
use crate::http;

pub(super) fn run(json: bool) -> Result<(), Failure> {
    let document = http::document(true);
    let text = if json {
        serde_json::to_string(&document)
    } else {
        serde_json::to_string_pretty(&document)
    };
    output::print(&text.expect("texts, lists and objects are JSON"))
}
