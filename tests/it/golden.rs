//! Samples byte by byte: a request as it is sent, and its answer. `GOLDEN_UPDATE=1` rewrites them;
//! the diff is reviewed.

use std::fs;
use std::path::PathBuf;

use crate::support::{Client, Server};

/// Between a sample's request and its answer.
const BETWEEN: &str = "\n\n----\n\n";

/// Compares the answer to `request` with what is kept in `folder` under `name`.
pub(crate) fn sample(server: &Server, folder: &str, name: &str, request: &[u8]) {
    masked_sample(server, folder, name, request, |seen| seen);
}

/// The same after `mask` has put something fixed where chance wrote.
pub(crate) fn masked_sample(
    server: &Server,
    folder: &str,
    name: &str,
    request: &[u8],
    mask: impl Fn(String) -> String,
) {
    let answer = Client::connect(server.public).ask(request);
    let request = std::str::from_utf8(request).unwrap();
    let seen = mask(format!(
        "{request}{BETWEEN}{}{}\n",
        answer.head, answer.body
    ));
    compare(&format!("{folder}/{name}.http"), &seen);
}

/// Compares `seen` with what is kept in the file of that name.
pub(crate) fn compare(file: &str, seen: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/golden")
        .join(file);
    if std::env::var_os("GOLDEN_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, seen).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(seen, kept, "{}", path.display());
}
