//! Pictures of payments beside the books, by the real program: backed up once, brought back with
//! the entries that name them, and looked at by who verifies (operations.md, Commands).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::tempdir;

use crate::process::{Process, Ran, http, run};
use crate::world::number as from_environment;

const CONFIG: &str = r#"
[[paykassma.payment_system]]
type = "cash"
name = "Cash"
currency = "INR"
is_manual = true
limits = { min = "1.00", max = "1000.00" }
requisites = ["1"]
key1 = { min = 3, max = 40 }
"#;

/// Small, empty and one over several pieces of what is read at once.
fn picture(number: usize) -> String {
    let length = [10, 200_000, 64 * 1024][number % 3];
    format!("%PDF-{number}{}", "x".repeat(length))
}

fn name(number: usize) -> String {
    blake3::hash(picture(number).as_bytes())
        .to_hex()
        .to_string()
}

struct Shop {
    server: Process,
    secret: String,
}

impl Shop {
    fn open(folder: &Path) -> Shop {
        fs::write(folder.join("coffer.toml"), CONFIG).unwrap();
        let server = Shop::serve(folder, &[]);
        let created = server.ask(&["partner", "create", "--name", "Shop"]).json();
        let secret = created["pluginapi_secret"].as_str().unwrap().to_owned();
        Shop { server, secret }
    }

    fn serve(folder: &Path, environment: &[(&str, &str)]) -> Process {
        let arguments = ["serve", "--config", "coffer.toml"];
        Process::start(folder, &arguments, environment)
    }

    /// A deposit by hand with a picture of its payment.
    fn pay(&self, key1: &str, number: usize) {
        let field = |name: &str, value: &str| {
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut body = String::new();
        for (name, value) in [
            ("currency_code", "INR"),
            ("wallet_type", "cash"),
            ("label", "55"),
            ("key1", key1),
            ("amount", "20.00"),
            ("custom_transaction_id", key1),
        ] {
            body += &field(name, value);
        }
        body += "--xx\r\nContent-Disposition: form-data; name=\"screenshot\"; filename=\"p\"\r\n";
        body += &format!("\r\n{}\r\n--xx--\r\n", picture(number));
        let path = format!("/api/v1/possible-transaction?secret={}", self.secret);
        let head = ["Content-Type: multipart/form-data; boundary=xx"];
        let answer = http(self.server.public(), "POST", &path, &head, &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn back_up(&self, folder: &Path, more: &[&str]) -> Ran {
        let to = folder.join("copy");
        let ours = ["backup", "--to", to.to_str().unwrap()];
        self.server.ask(&[&ours, more].concat())
    }
}

/// The files of a directory and what they hold.
fn held(directory: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(directory).into_iter().flatten();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.map(|file| read(file.unwrap().path())).collect()
}

fn pictures(numbers: &[usize]) -> BTreeMap<String, String> {
    let numbers = numbers.iter();
    numbers
        .map(|&number| (name(number), picture(number)))
        .collect()
}

fn restore(folder: &Path, to: &str, more: &[&str]) -> Ran {
    let ours = [
        "restore",
        "--json",
        "--from",
        "copy",
        "--data",
        to,
        "--secret-key",
        "coffer-data/secret.key",
    ];
    run(folder, &[&ours, more].concat(), &[])
}

/// What is told of a directory, with the exit code that goes with it, and what is not wrong.
fn verify(folder: &Path, data: &str) -> (Vec<String>, String) {
    let ran = run(folder, &["verify", "--data", data, "--json"], &[]);
    let told: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    assert_eq!(ran.code, if told["ok"] == true { 0 } else { 4 });
    let findings = told["findings"].as_array().unwrap().iter();
    let findings = findings.map(|finding| finding.as_str().unwrap().to_owned());
    (findings.collect(), ran.err)
}

#[track_caller]
fn assert_well(folder: &Path, data: &str) {
    let (findings, notes) = verify(folder, data);
    assert!(findings.is_empty(), "{data}: {findings:?}");
    assert!(!notes.contains("attachments"), "{notes}");
}

/// Whether one finding bears these words.
#[track_caller]
fn assert_found(folder: &Path, data: &str, words: &[&str]) {
    let (findings, _) = verify(folder, data);
    assert_eq!(findings.len(), 1, "{findings:?}");
    for word in words {
        assert!(findings[0].contains(word), "{word:?} in {findings:?}");
    }
}

#[test]
fn pictures_are_backed_up_once_and_come_back_with_the_entries_that_name_them() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let shop = Shop::open(folder);
    shop.pay("KEY-1", 1);
    shop.pay("KEY-2", 2);
    let first = shop.back_up(folder, &[]).json();
    let bytes = |numbers: &[usize]| -> u64 {
        let lengths = numbers.iter().map(|&number| picture(number).len() as u64);
        lengths.sum()
    };
    assert_eq!(first["copied_files"], 3, "two and the entries");
    assert!(first["copied_bytes"].as_u64().unwrap() > bytes(&[1, 2]));
    let copy = folder.join("copy/attachments");
    assert_eq!(held(&copy), pictures(&[1, 2]));
    // One that is there is named again, and one is new.
    shop.pay("KEY-3", 1);
    shop.pay("KEY-4", 3);
    let second = shop.back_up(folder, &["--keep", "1"]).json();
    assert_eq!(second["copied_files"], 2, "one and the entries");
    assert!(second["copied_bytes"].as_u64().unwrap() < bytes(&[1, 2, 3]));
    assert_eq!(held(&copy), pictures(&[1, 2, 3]));
    // However few backups are kept, the newest one's entries name them all.
    assert_eq!(
        shop.back_up(folder, &["--keep", "1"]).json()["copied_files"],
        0
    );
    assert_eq!(held(&copy), pictures(&[1, 2, 3]));
    // A copy that was lost is made again.
    fs::remove_file(copy.join(name(2))).unwrap();
    assert_eq!(shop.back_up(folder, &[]).json()["copied_files"], 1);
    assert_well(folder, "copy");

    let told = restore(folder, "all", &[]).json();
    assert_eq!(told["seq"], second["seq"]);
    assert_eq!(held(&folder.join("all/attachments")), pictures(&[1, 2, 3]));
    let at = first["seq"].to_string();
    restore(folder, "then", &["--at", &at]).json();
    assert_eq!(held(&folder.join("then/attachments")), pictures(&[1, 2]));
    for data in ["all", "then"] {
        assert_well(folder, data);
    }
    // What was restored serves them.
    let restored = [("COFFER_STORAGE_DATA", "all")];
    let restored = Shop::serve(folder, &restored);
    let item = &restored.ask(&["deposit", "list"]).json()["items"][0];
    let shown = restored.ask(&["deposit", "show", item["id"].as_str().unwrap()]);
    let at = shown.json()["screenshot"].as_str().unwrap().to_owned();
    let bearer = format!("Authorization: Bearer {}", restored.key());
    let fetched = http(restored.admin(), "GET", &at, &[&bearer], "");
    assert!(fetched.status == 200 && fetched.body == picture(3));
    assert!(restored.end("TERM").success());
    assert!(shop.server.end("TERM").success());
    assert_well(folder, "coffer-data");
}

#[test]
fn what_is_named_must_be_there_as_it_was_and_what_is_nobodys_is_told() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let shop = Shop::open(folder);
    shop.pay("KEY-1", 1);
    shop.pay("KEY-2", 2);
    shop.back_up(folder, &[]).json();
    assert!(shop.server.end("TERM").success());
    for data in ["coffer-data", "copy"] {
        assert_well(folder, data);
        let file = folder.join(data).join("attachments").join(name(1));
        let good = fs::read_to_string(&file).unwrap();
        fs::write(&file, good.replacen('x', "y", 1)).unwrap();
        assert_found(folder, data, &[&name(1), "is not what was kept", "entry"]);
        fs::write(&file, "").unwrap();
        assert_found(folder, data, &[&name(1), "is not what was kept"]);
        fs::remove_file(&file).unwrap();
        assert_found(folder, data, &[&name(1), "is missing"]);
        fs::write(&file, good).unwrap();
        // What a kill leaves is nobody's.
        let within = folder.join(data).join("attachments");
        fs::write(within.join(name(7)), picture(7)).unwrap();
        fs::write(within.join(name(8) + ".new"), "half").unwrap();
        let (findings, notes) = verify(folder, data);
        assert!(findings.is_empty(), "{findings:?}");
        assert!(notes.contains(&name(7)) && notes.contains("named by no entry"));
        assert!(notes.contains(&name(8)) && notes.contains("was not finished"));
        fs::remove_file(within.join(name(7))).unwrap();
    }
    // The next start, and the next backup, remove what was not finished.
    let server = Shop::serve(folder, &[]);
    let shop = Shop { server, ..shop };
    shop.pay("KEY-3", 3);
    shop.back_up(folder, &[]).json();
    assert!(shop.server.end("TERM").success());
    for data in ["coffer-data", "copy"] {
        assert_well(folder, data);
    }
}

#[test]
fn a_picture_that_is_not_to_be_had_keeps_nothing_else_from_being_saved() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let shop = Shop::open(folder);
    shop.pay("KEY-1", 1);
    shop.pay("KEY-2", 2);
    shop.pay("KEY-3", 3);
    let own = folder.join("coffer-data/attachments");
    fs::remove_file(own.join(name(1))).unwrap();
    fs::write(own.join(name(2)), "rotten").unwrap();
    let ran = shop.back_up(folder, &[]);
    let told = ran.failed(1);
    for words in [
        "2 of the files",
        &name(1),
        "is missing",
        &name(2),
        "is not what was kept",
    ] {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    assert_eq!(held(&folder.join("copy/attachments")), pictures(&[3]));
    let ran = restore(folder, "restored", &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains(&name(1)) && ran.err.contains(&name(2)),
        "{}",
        ran.err
    );
    assert_eq!(held(&folder.join("restored/attachments")), pictures(&[3]));
    let restored = Shop::serve(folder, &[("COFFER_STORAGE_DATA", "restored")]);
    let items = restored.ask(&["deposit", "list"]).json();
    assert_eq!(items["items"].as_array().unwrap().len(), 3);
    assert!(restored.end("TERM").success());
    // Who brings the picture again makes it whole, here and there.
    shop.pay("KEY-4", 1);
    shop.pay("KEY-5", 2);
    shop.back_up(folder, &[]).json();
    assert!(shop.server.end("TERM").success());
    for data in ["coffer-data", "copy"] {
        assert_well(folder, data);
    }
}

#[test]
fn backups_made_while_pictures_come_hold_all_that_was_answered_before_they_began() {
    const CLERKS: usize = 4;
    /// Of each clerk beside each backup.
    const BESIDE: usize = 12;
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let shop = Shop::open(folder);
    let answered: Vec<AtomicUsize> = (0..CLERKS).map(|_| AtomicUsize::new(0)).collect();
    let (begun, done) = (AtomicUsize::new(1), AtomicBool::new(false));
    let of = |place: usize, count: usize| 3 * (count * CLERKS + place);
    std::thread::scope(|scope| {
        for (place, answered) in answered.iter().enumerate() {
            let (shop, begun, done) = (&shop, &begun, &done);
            scope.spawn(move || {
                for count in 0.. {
                    while count >= begun.load(Ordering::SeqCst) * BESIDE {
                        if done.load(Ordering::SeqCst) {
                            return;
                        }
                        std::thread::yield_now();
                    }
                    shop.pay(&format!("K-{place}-{count}"), of(place, count));
                    answered.store(count + 1, Ordering::SeqCst);
                }
            });
        }
        let rounds = from_environment("ATTACHMENT_BACKUPS", 4);
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..rounds {
                let before: Vec<usize> = (answered.iter())
                    .map(|answered| answered.load(Ordering::SeqCst))
                    .collect();
                begun.fetch_add(1, Ordering::SeqCst);
                let told = shop.back_up(folder, &[]).json();
                let to = format!("r{round}");
                assert_eq!(restore(folder, &to, &[]).json()["seq"], told["seq"]);
                let found = held(&folder.join(&to).join("attachments"));
                for (place, count) in before.into_iter().enumerate() {
                    let all = (0..count).map(|count| name(of(place, count)));
                    assert!(
                        all.into_iter().all(|name| found.contains_key(&name)),
                        "{to}"
                    );
                }
                assert_well(folder, &to);
            }
        }));
        done.store(true, Ordering::SeqCst);
        made.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert!(shop.server.end("TERM").success());
    for data in ["coffer-data", "copy"] {
        let (findings, _) = verify(folder, data);
        assert!(findings.is_empty(), "{findings:?}");
    }
}
