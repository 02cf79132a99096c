//! `coffer payment import`: a bank's file, line by line (operations.md, Received payments).
//!
//! A bad line is told with its number and the rest goes in; or all lines are checked first, here
//! and by the server, and nothing goes in where one is bad. What is there already is a repetition,
//! so that a file can be imported again and again.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use csv::{Reader, ReaderBuilder, StringRecord};
use indicatif::ProgressDrawTarget;
use serde::Serialize;

use super::admin::{Admin, AdminOptions, run as run_async};
use super::failure::Failure;
use super::output;
use crate::protocol::admin::{Operation, ReceivePayment, amount_received};

/// The columns that a file may have, in any order; the first four it must have.
const COLUMNS: [&str; 9] = [
    "wallet_type",
    "reference",
    "amount",
    "currency",
    "account",
    "received_at",
    "payer",
    "note",
    "suspicious",
];
const REQUIRED: usize = 4;

/// What came of a file.
#[derive(Default, Serialize)]
struct Imported {
    /// Lines with a payment on them, good or bad.
    lines: u64,
    /// Payments that were taken down now.
    received: u64,
    /// Payments that were there before.
    repeated: u64,
    /// Lines that were not taken.
    bad: Vec<BadLine>,
}

#[derive(Serialize)]
struct BadLine {
    line: u64,
    reason: String,
}

/// A line's number in the file, and the payment on it or what is wrong.
type Line = (u64, Result<ReceivePayment, String>);

pub(super) fn run(
    admin: &AdminOptions,
    file: &Path,
    all_or_nothing: bool,
    json: bool,
) -> Result<(), Failure> {
    let lines = read(file)?;
    let passes = if all_or_nothing { 2 } else { 1 };
    let bar = output::progress_bar(lines.len() as u64 * passes, ProgressDrawTarget::stderr());
    let imported = run_async(async {
        let mut admin = admin.open().await?;
        if all_or_nothing {
            let checked = pass(&mut admin, apart(&lines), true, || bar.inc(1)).await?;
            if !checked.bad.is_empty() {
                let none = Imported {
                    received: 0,
                    repeated: 0,
                    ..checked
                };
                return Ok(none);
            }
        }
        pass(&mut admin, lines, false, || bar.inc(1)).await
    });
    bar.finish_and_clear();
    tell(&imported?, all_or_nothing, json)
}

fn tell(imported: &Imported, all_or_nothing: bool, json: bool) -> Result<(), Failure> {
    let Imported {
        lines,
        received,
        repeated,
        bad,
    } = imported;
    if json {
        let text = serde_json::to_string(imported).expect("numbers and texts are JSON");
        output::print(&text)?;
    } else {
        output::print(&format!("{received} received, {repeated} repeated"))?;
    }
    for BadLine { line, reason } in bad {
        eprintln!("coffer: line {line}: {reason}");
    }
    let count = bad.len();
    match (count, all_or_nothing) {
        (0, _) => Ok(()),
        (_, true) => Err(Failure::Refused(format!(
            "{count} of {lines} lines are bad: nothing was taken down"
        ))),
        (_, false) => Err(Failure::Refused(format!(
            "{count} of {lines} lines were not taken; the others were"
        ))),
    }
}

/// Sends all good lines, in order.
async fn pass(
    admin: &mut Admin,
    lines: Vec<Line>,
    check_only: bool,
    mut step: impl FnMut(),
) -> Result<Imported, Failure> {
    let mut imported = Imported::default();
    for (line, payment) in lines {
        imported.lines += 1;
        let told = match payment {
            Err(reason) => Err(Failure::Refused(reason)),
            Ok(payment) => {
                let payment = ReceivePayment {
                    check_only,
                    ..payment
                };
                admin.ask(Operation::ReceivePayment, &payment).await
            }
        };
        match told {
            Ok(body) if is_repeated(&body) => imported.repeated += 1,
            Ok(_) => imported.received += 1,
            Err(Failure::Refused(reason)) => imported.bad.push(BadLine { line, reason }),
            Err(Failure::Unreachable(reason)) => {
                return Err(Failure::Unreachable(format!(
                    "{reason}; before line {line} {} payments were taken down: import the file \
                     again",
                    imported.received
                )));
            }
            Err(other) => return Err(other),
        }
        step();
    }
    Ok(imported)
}

fn is_repeated(body: &[u8]) -> bool {
    let told: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    told.is_some_and(|told| told["repeated"] == true)
}

/// The lines, where one that says something else of a payment than an earlier line is bad: the
/// server has nothing of either yet.
fn apart(lines: &[Line]) -> Vec<Line> {
    let mut seen: HashMap<_, (u64, ReceivePayment)> = HashMap::new();
    let apart = lines.iter().map(|(line, payment)| {
        let judged = payment.clone().and_then(|payment| {
            let key = (payment.wallet_type, payment.reference.clone());
            let first = seen.entry(key).or_insert_with(|| (*line, payment.clone()));
            if first.1 == payment {
                return Ok(payment);
            }
            Err(format!(
                "says something else of the same reference than line {}",
                first.0
            ))
        });
        (*line, judged)
    });
    apart.collect()
}

fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    let unreadable = |error: &dyn Display| {
        Failure::Refused(format!("{} cannot be read: {error}", path.display()))
    };
    let mut text = std::fs::read(path).map_err(|error| unreadable(&error))?;
    // Lines are counted by their line feeds.
    text.retain(|byte| *byte != b'\r');
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(&*text);
    let columns = columns(&mut reader).map_err(|error| unreadable(&error))?;
    let mut lines = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let place = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(lines),
            Ok(true) => {
                let line = record.position().map_or(place, |at| at.line());
                lines.push((line, payment(&columns, &record)));
            }
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Utf8 { pos, .. } => {
                    let line = pos.map_or(place, |at| at.line());
                    lines.push((line, Err("is no UTF-8".to_owned())));
                }
                csv::ErrorKind::Io(error) => return Err(unreadable(&error)),
                other => return Err(unreadable(&format!("{other:?}"))),
            },
        }
    }
}

/// Which column stands where.
fn columns(reader: &mut Reader<&[u8]>) -> Result<Vec<&'static str>, String> {
    let head = reader.headers().map_err(|error| error.to_string())?;
    let mut columns: Vec<&'static str> = Vec::new();
    for name in head {
        // Some programs begin a file with a mark of its encoding.
        let name = name.trim_start_matches('\u{feff}').trim();
        let known = COLUMNS.iter().find(|column| **column == name);
        let known = known.ok_or_else(|| {
            let all = COLUMNS.join(", ");
            format!("the column {name:?} is not known: there are {all}")
        })?;
        if columns.contains(known) {
            return Err(format!("the column {name} is there twice"));
        }
        columns.push(known);
    }
    let missing = COLUMNS[..REQUIRED]
        .iter()
        .find(|name| !columns.contains(name));
    match missing {
        Some(name) => Err(format!("the column {name} is missing")),
        None => Ok(columns),
    }
}

/// The payment on a line.
fn payment(columns: &[&'static str], record: &StringRecord) -> Result<ReceivePayment, String> {
    if record.len() != columns.len() {
        return Err(format!(
            "has {} cells where there are {} columns",
            record.len(),
            columns.len()
        ));
    }
    let cells = Cells { columns, record };
    Ok(ReceivePayment {
        wallet_type: cells.required("wallet_type", str::parse)?,
        reference: cells.required("reference", str::parse)?,
        amount: cells.required("amount", amount_received)?,
        currency: cells.required("currency", str::parse)?,
        account: cells.optional("account")?,
        received_at: cells.optional("received_at")?,
        payer: cells.optional("payer")?,
        note: cells.optional("note")?,
        suspicious: cells.truth("suspicious")?,
        check_only: false,
    })
}

/// A line's cells by their columns.
struct Cells<'a> {
    columns: &'a [&'static str],
    record: &'a StringRecord,
}

impl Cells<'_> {
    /// An empty cell says nothing.
    fn cell(&self, name: &str) -> Option<&str> {
        let place = self.columns.iter().position(|column| *column == name)?;
        self.record.get(place).filter(|cell| !cell.is_empty())
    }

    fn required<T, E: Display>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, String> {
        let cell = self
            .cell(name)
            .ok_or_else(|| format!("{name} is missing"))?;
        read(cell).map_err(|fault| format!("{name} {fault}"))
    }

    fn truth(&self, name: &str) -> Result<bool, String> {
        match self.cell(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(format!("{name} must be true or false")),
        }
    }

    fn optional<T>(&self, name: &str) -> Result<Option<T>, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        let cell = self.cell(name).map(str::parse).transpose();
        cell.map_err(|fault| format!("{name} {fault}"))
    }
}
