//! Requests signed by a real PHP, and by us (paykassma-api.md, Signature).
//!
//! `tests/it/php/signatures.php` tells how the vectors were made.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use coffer::protocol::paykassma::flatten::signing_text;
use coffer::protocol::paykassma::sign::sign_request;
use coffer::protocol::paykassma::value;
use coffer::secret::Secret;

const VECTORS: &str = include_str!("php/signatures.tsv");

/// Numbers of the vectors that PHP cuts: no digit that is not signed may be accepted.
const CUT: [&str; 1] = ["90071992547409.91"];

#[test]
fn whatever_php_signs_is_signed_alike() {
    let key = Secret::new("yourprivatekey".to_owned());
    let (mut signed, mut refused) = (0, 0);
    for line in VECTORS.lines() {
        let [body, text, signature] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        let members = value::decode(body.as_bytes()).unwrap();
        match signing_text(&members) {
            Ok(ours) => {
                assert_eq!(ours, text, "{body}");
                assert_eq!(sign_request(&key, &ours), signature, "{body}");
                signed += 1;
            }
            Err(fault) => {
                assert!(CUT.iter().any(|cut| body.contains(cut)), "{fault}: {body}");
                refused += 1;
            }
        }
    }
    assert!(
        signed >= 200 && refused >= 1,
        "{signed} signed, {refused} refused"
    );
}

#[test]
fn php_still_signs_the_vectors_as_they_were_made() {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/php/signatures.php");
    let php = Command::new("php")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut php = match php {
        Ok(php) => php,
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("php is needed here: {error}");
        }
        Err(_) => {
            println!("skipped: no php");
            return;
        }
    };
    let bodies: String = VECTORS
        .lines()
        .map(|line| format!("{}\n", line.split('\t').next().unwrap()))
        .collect();
    let mut input = php.stdin.take().unwrap();
    let feed = std::thread::spawn(move || input.write_all(bodies.as_bytes()).unwrap());
    let output = php.wait_with_output().unwrap();
    feed.join().unwrap();
    assert!(output.status.success());
    let made = String::from_utf8(output.stdout).unwrap();
    for (made, kept) in made.lines().zip(VECTORS.lines()) {
        assert_eq!(made, kept);
    }
    assert_eq!(made.lines().count(), VECTORS.lines().count());
}
