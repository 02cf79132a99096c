//! The rules of the house that a machine can check: layers, sizes, words, characters.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of `src` and the modules it may import. Anything else is a fault.
const MAY_IMPORT: [(&str, &[&str]); 20] = [
    ("id", &[]),
    ("disk", &[]),
    ("sort", &["disk"]),
    ("money", &["id"]),
    ("time", &["id"]),
    ("secret", &[]),
    ("bytes", &[]),
    ("meter", &[]),
    ("engine", BOTTOM),
    (
        "journal",
        &[
            "money", "id", "time", "secret", "disk", "bytes", "meter", "engine",
        ],
    ),
    (
        "books",
        &["money", "id", "time", "secret", "disk", "bytes", "engine"],
    ),
    (
        "ledger",
        &[
            "money", "id", "time", "secret", "disk", "sort", "meter", "engine", "journal", "books",
        ],
    ),
    ("protocol", &["money", "id", "time", "secret", "engine"]),
    ("page", &["money", "id", "time", "engine"]),
    (
        "config",
        &[
            "money", "id", "time", "secret", "disk", "engine", "journal", "books",
        ],
    ),
    (
        "http",
        &[
            "money", "id", "time", "secret", "disk", "meter", "engine", "journal", "ledger",
            "protocol", "page", "config",
        ],
    ),
    (
        "sim",
        &[
            "money", "id", "time", "secret", "disk", "engine", "journal", "ledger", "protocol",
            "config",
        ],
    ),
    ("cli", EVERYTHING),
    ("main", &["cli"]),
    ("lib", &[]),
];

const BOTTOM: &[&str] = &["money", "id", "time", "secret"];

const EVERYTHING: &[&str] = &[
    "money", "id", "time", "secret", "disk", "sort", "meter", "engine", "journal", "books",
    "ledger", "protocol", "page", "config", "http", "sim",
];

/// Modules of `protocol` never import each other.
const PROTOCOLS: [&str; 4] = ["wallet", "partner", "paykassma", "admin"];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Words that must not stand in the sources, and where they may all the same.
const BANNED: [(&str, &[&str]); 9] = [
    ("dbg!", &[]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
    ("#[ignore", &[]),
    ("FIXME", &[]),
    ("SystemTime::now", &["src/time.rs"]),
    // Seconds, as Prometheus wants them.
    ("f64", &["src/http/metrics.rs"]),
    ("f32", &[]),
    (
        "std::fs",
        &[
            "src/disk/real.rs",
            "src/cli/",
            "src/config/",
            "tests/",
            "benches/",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!files.is_empty(), "no sources below {folder}");
    files.sort();
    files
}

/// Sources and tests; this file names the words that it bans.
fn all_files() -> Vec<(String, String)> {
    let mut files: Vec<_> = ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| rust_files(folder))
        .collect();
    files.retain(|(name, _)| name != "tests/tidy.rs");
    files
}

fn tell(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The module that a file of `src` belongs to: `src/http/route.rs` is of `http`.
fn module_of(name: &str) -> String {
    let inner = name.strip_prefix("src/").unwrap();
    inner
        .split('/')
        .next()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// Modules named in paths that begin with `prefix`, such as `crate::`, tests left out.
fn imports<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let mut parts = text
        .split("#[cfg(test)]")
        .flat_map(|part| part.split("#![cfg(test)]"));
    let product = parts.next().unwrap();
    let code = product.split(prefix).skip(1);
    let mut names = Vec::new();
    for rest in code {
        let listed = rest
            .strip_prefix('{')
            .map(|list| list.split('}').next().unwrap_or(list));
        let word = |text: &'a str| {
            text.trim()
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("")
        };
        match listed {
            Some(list) => names.extend(list.split(',').map(word).filter(|name| !name.is_empty())),
            None => names.push(word(rest)),
        }
    }
    names
}

#[test]
fn modules_import_downward_only() {
    let allowed: BTreeMap<_, _> = MAY_IMPORT.into_iter().collect();
    let mut faults = Vec::new();
    for (name, text) in rust_files("src") {
        let module = module_of(&name);
        let Some(allowed) = allowed.get(module.as_str()) else {
            faults.push(format!(
                "{name}: module {module:?} is missing from the table of layers"
            ));
            continue;
        };
        // main.rs is a crate of its own and names the library.
        let prefix = if module == "main" {
            "coffer::"
        } else {
            "crate::"
        };
        for import in imports(&text, prefix) {
            if import != module && !allowed.contains(&import) {
                faults.push(format!("{name}: {module} may not import {import:?}"));
            }
        }
    }
    tell(&faults);
}

#[test]
fn protocols_know_nothing_of_each_other() {
    let mut faults = Vec::new();
    for (name, text) in rust_files("src/protocol") {
        for protocol in PROTOCOLS {
            let own = name.starts_with(&format!("src/protocol/{protocol}"));
            if !own && imports(&text, "crate::protocol::").contains(&protocol) {
                faults.push(format!("{name}: may not import protocol::{protocol}"));
            }
        }
    }
    tell(&faults);
}

#[test]
fn the_engine_is_pure() {
    let impure = [
        "std::thread",
        "std::io",
        "std::net",
        "Instant",
        "rand::",
        "tokio",
        "parking_lot",
        "dyn Clock",
    ];
    let mut faults = Vec::new();
    for folder in ["src/engine", "src/protocol", "src/page"] {
        for (name, text) in rust_files(folder) {
            let found = impure.iter().filter(|word| text.contains(**word));
            faults.extend(found.map(|word| format!("{name}: {word} is not for pure code")));
        }
    }
    tell(&faults);
}

#[test]
fn files_and_functions_keep_their_size() {
    let mut faults = Vec::new();
    for (name, text) in all_files() {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            faults.push(format!(
                "{name}: {} lines, at most {FILE_LINES_MAX}",
                lines.len()
            ));
        }
        for (first, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function = line.split_whitespace().take(6).any(|word| word == "fn")
                && !line.trim().starts_with("//");
            if !is_function || line.trim_end().ends_with([';', '}']) {
                continue;
            }
            // Formatted code closes a function with a brace under its first letter.
            let end = lines[first..]
                .iter()
                .position(|line| **line == format!("{}}}", " ".repeat(indent)));
            let length = end.map_or(0, |end| end + 1);
            if length > FUNCTION_LINES_MAX {
                faults.push(format!(
                    "{name}:{}: {length} lines, at most {FUNCTION_LINES_MAX}",
                    first + 1
                ));
            }
        }
    }
    tell(&faults);
}

#[test]
fn sources_are_ascii_and_open_with_their_purpose() {
    let mut faults = Vec::new();
    for (name, text) in all_files() {
        if let Some(line) = text.lines().position(|line| !line.is_ascii()) {
            faults.push(format!("{name}:{}: not ASCII", line + 1));
        }
        if !text.starts_with("//!") {
            faults.push(format!("{name}: does not open with //!"));
        }
    }
    tell(&faults);
}

#[test]
fn banned_words_stand_nowhere() {
    let mut faults = Vec::new();
    for (name, text) in all_files() {
        for (word, except) in BANNED {
            let allowed = except.iter().any(|place| name.starts_with(place));
            if let Some(line) = text
                .lines()
                .position(|line| line.contains(word))
                .filter(|_| !allowed)
            {
                faults.push(format!("{name}:{}: {word}", line + 1));
            }
        }
    }
    tell(&faults);
}

#[test]
fn names_of_the_trade_are_used() {
    // get_ and the rest say nothing about what is done (names of the field are used instead).
    let vague = [
        "fn get_",
        "fn handle_",
        "fn process_",
        "Manager",
        "Helper",
        "mod util",
        "mod helper",
    ];
    let mut faults = Vec::new();
    for (name, text) in rust_files("src") {
        for word in vague {
            if let Some(line) = text.lines().position(|line| line.contains(word)) {
                faults.push(format!("{name}:{}: {word}", line + 1));
            }
        }
    }
    tell(&faults);
}

#[test]
fn the_top_level_holds_what_it_should() {
    let expected = [
        ".ci",
        ".git",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "benches",
        "deploy",
        "fuzz",
        "src",
        "target",
        "tests",
        "coffer-data",
    ];
    let entries = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let faults: Vec<_> = entries
        .filter(|name| !expected.contains(&&**name))
        .map(|name| format!("{name}: not expected"))
        .collect();
    tell(&faults);
    assert!(
        Path::new(&root().join("LICENSE")).exists(),
        "there is a LICENSE"
    );
}
