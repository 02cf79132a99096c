//! Data directories that earlier versions wrote, packed in tests/fixtures by the script `make`
//! there: every later version opens them, and answers what was answered then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process::{Process, Ran, http, run};
use crate::verify::contents;

/// What `serve` is told, so that it answers as when the fixtures were made.
const SERVE: [&str; 3] = ["serve", "--public-url", "http://coffer.test"];
const ENVIRONMENT: [(&str, &str); 1] = [("COFFER_STORAGE_RESERVE_SIZE", "0B")];

/// Of the version before there were books, of the first one with them, and of the first one whose
/// books have runs.
pub(crate) const FIXTURES: [&str; 3] = ["format-0-before-books", "format-1", "format-2"];

fn packed(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(name)
}

/// A fixture unpacked: a folder whose `coffer-data` it is.
pub(crate) fn unpacked(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(packed(&format!("{name}.tar.gz")))
        .arg("-C")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(unpacked.success());
    folder
}

pub(crate) fn served(folder: &Path) -> Process {
    Process::start(folder, &SERVE, &ENVIRONMENT)
}

/// Why `serve` does not start on a folder.
pub(crate) fn refused(folder: &Path) -> String {
    let ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let ran = run(folder, &[&SERVE[..], &ports].concat(), &ENVIRONMENT);
    ran.failed(1).to_owned()
}

pub(crate) fn verified(folder: &Path) -> Ran {
    run(folder, &["verify"], &[])
}

/// Asks what was asked when the fixture was made. An answer may say more than it did then.
pub(crate) fn assert_answers(server: &Process, name: &str) {
    let answers = fs::read_to_string(packed(&format!("{name}.answers"))).unwrap();
    for line in answers.lines() {
        let (question, due) = line.split_once('\t').unwrap();
        let due: Value = serde_json::from_str(due).unwrap();
        let told = match question.split_once(' ').unwrap() {
            ("ask", arguments) => {
                let arguments: Vec<&str> = arguments.split(' ').collect();
                server.ask(&arguments).json()
            }
            ("play", play) => {
                let (token, body) = play.split_once(' ').unwrap();
                let path = format!("/wallet/{token}");
                let answer = http(server.public(), "POST", &path, &[], body);
                serde_json::from_str(&answer.body).unwrap()
            }
            other => panic!("{other:?} is no question"),
        };
        assert!(says(&told, &due), "{question}: {told}, not {due}");
    }
}

/// Whether all of `due` is in what was told.
fn says(told: &Value, due: &Value) -> bool {
    match (told, due) {
        (Value::Object(told), Value::Object(due)) => due
            .iter()
            .all(|(name, due)| told.get(name).is_some_and(|told| says(told, due))),
        (Value::Array(told), Value::Array(due)) => {
            let mut both = told.iter().zip(due);
            told.len() == due.len() && both.all(|(told, due)| says(told, due))
        }
        (told, due) => told == due,
    }
}

#[test]
fn what_an_earlier_version_wrote_is_opened_and_answers_as_it_did() {
    for name in FIXTURES {
        let folder = unpacked(name);
        let before = contents(folder.path());
        let verified_before = verified(folder.path());
        assert_eq!(verified_before.code, 0, "{name}: {}", verified_before.out);
        assert!(contents(folder.path()) == before, "{name} was touched");
        for _ in 0..2 {
            let server = served(folder.path());
            assert_answers(&server, name);
            assert!(server.end("TERM").success());
        }
        let verified_after = verified(folder.path());
        assert_eq!(verified_after.code, 0, "{name}: {}", verified_after.out);
        assert_eq!(verified_after.out, verified_before.out, "{name}");
    }
}
