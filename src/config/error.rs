//! What is wrong with a configuration: which key, where it stands, what would be right.

use std::fmt;
use std::path::PathBuf;

/// A configuration that is not taken. The command ends with exit code 2.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file named by `--config`.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no TOML.
    Syntax {
        /// Where.
        place: Place,
        /// What the grammar says.
        fault: String,
    },
    /// Nothing has this name.
    Unknown {
        /// Where.
        place: Place,
        /// The name as it was given.
        key: String,
        /// What there is, and what may have been meant.
        hint: String,
    },
    /// The key is known, its value is of no use.
    Wrong {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// What would be right.
        fault: String,
    },
    /// A key is set that is of no use without another one.
    Alone {
        /// The key.
        key: &'static str,
        /// The other one.
        missing: &'static str,
    },
}

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file, at a line counted from 1.
    File(PathBuf, usize),
    /// In a variable.
    Environment(String),
    /// By a flag.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path, line) => write!(f, "{} line {line}", path.display()),
            Place::Environment(name) => write!(f, "environment variable {name}"),
            Place::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unreadable { path, .. } => {
                write!(f, "the configuration {} cannot be read", path.display())
            }
            ConfigError::Syntax { place, fault } => write!(f, "{place}: {fault}"),
            ConfigError::Unknown { place, key, hint } => {
                write!(f, "{place}: {key} is not a known key; {hint}")
            }
            ConfigError::Wrong { place, key, fault } => write!(f, "{place}: {key} {fault}"),
            ConfigError::Alone { key, missing } => {
                write!(f, "{key} is set, and {missing} is missing beside it")
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Unreadable { source, .. } => Some(source),
            ConfigError::Syntax { .. }
            | ConfigError::Unknown { .. }
            | ConfigError::Wrong { .. }
            | ConfigError::Alone { .. } => None,
        }
    }
}

/// What may have been meant by `name`: the nearest of `known` within two letters, and all of them.
pub(super) fn hint(name: &str, known: &[&str], of: &str) -> String {
    let near = known
        .iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|&(letters, _)| letters <= 2)
        .min();
    let all = known.join(", ");
    match near {
        Some((_, nearest)) => format!("did you mean {nearest}? {of}: {all}"),
        None => format!("{of}: {all}"),
    }
}

/// How many letters must be put in, taken out or exchanged to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let exchanged = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        for (a, b, letters) in [
            ("", "", 0),
            ("data", "data", 0),
            ("date", "data", 1),
            ("lisen", "listen", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), letters, "{a} {b}");
        }
    }
}
