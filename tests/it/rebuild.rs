//! `coffer rebuild` as it is shipped: books that are lost or damaged are refused by a text that
//! says how to make them anew, and nothing is lost with them.

use std::fs;
use std::path::Path;

use crate::fixtures::{FIXTURES, assert_answers, refused, served, unpacked, verified};
use crate::process::run;

const FIXTURE: &str = "format-2";

fn rebuild(folder: &Path) {
    let rebuilt = run(folder, &["rebuild", "--json"], &[]).json();
    assert_eq!(rebuilt["seq"], 130);
}

/// The books of another coffer.
fn foreign() -> Vec<u8> {
    let folder = unpacked(FIXTURES[0]);
    assert!(served(folder.path()).end("TERM").success());
    fs::read(folder.path().join("coffer-data/books.redb")).unwrap()
}

#[test]
fn books_that_are_lost_are_refused_and_made_anew_by_a_command() {
    let foreign = foreign();
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 6] = [
        ("is missing", &|books| fs::remove_file(books).unwrap()),
        ("is empty", &|books| fs::write(books, "").unwrap()),
        ("could not be read", &|books| {
            let bytes = fs::read(books).unwrap();
            fs::write(books, &bytes[..bytes.len() / 3]).unwrap();
        }),
        ("belongs to another coffer", &|books| {
            fs::write(books, &foreign).unwrap();
        }),
        ("could not be read", &|books| {
            fs::write(books, "no books at all").unwrap();
        }),
        ("could not be read", &|books| {
            let mut bytes = fs::read(books).unwrap();
            bytes[3] ^= 4;
            fs::write(books, bytes).unwrap();
        }),
    ];
    for (due, damage) in damages {
        let folder = unpacked(FIXTURE);
        damage(&folder.path().join("coffer-data/books.redb"));
        let why = refused(folder.path());
        assert!(why.contains("books.redb") && why.contains(due), "{why}");
        assert!(why.contains("coffer rebuild"), "{why}");
        let found = verified(folder.path());
        assert_eq!(found.code, 4, "{} {}", found.out, found.err);
        assert!(found.out.contains("books.redb"), "{}", found.out);
        rebuild(folder.path());
        let server = served(folder.path());
        assert_answers(&server, FIXTURE);
        assert!(server.end("TERM").success());
        assert_eq!(verified(folder.path()).code, 0);
    }
}

#[test]
fn whatever_rots_in_the_books_they_can_be_made_anew() {
    for stride in [1000, 4096, 10_000] {
        let folder = unpacked(FIXTURE);
        let books = folder.path().join("coffer-data/books.redb");
        let mut bytes = fs::read(&books).unwrap();
        for place in (stride..bytes.len()).step_by(stride) {
            bytes[place] ^= 1 << (place % 8);
        }
        fs::write(&books, bytes).unwrap();
        let found = verified(folder.path());
        assert_eq!(found.code, 4, "{} {}", found.out, found.err);
        assert!(found.out.contains("books.redb"), "{}", found.out);
        assert!(found.out.contains("coffer rebuild"), "{}", found.out);
        rebuild(folder.path());
        let server = served(folder.path());
        assert_answers(&server, FIXTURE);
        assert!(server.end("TERM").success());
        assert_eq!(verified(folder.path()).code, 0);
    }
}
