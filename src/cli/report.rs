//! `coffer report`: what it all adds up to, and what is worth a look.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output::{self, text_of};
use crate::protocol::admin::{IntegrityWanted, Operation, PageWanted, TrialBalanceWanted};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add up every account; per currency the sum is zero
    TrialBalance {
        /// Each player's account instead of the sum per partner
        #[arg(long)]
        all: bool,
    },
    /// List the rounds that are open, oldest first
    OpenRounds(PageOptions),
    /// Tell how far journal and books are, and what was last found about them
    Integrity,
    /// List what was odd and taken all the same, oldest first
    Anomalies(PageOptions),
    /// Add up what was played by day, partner, currency and game, whole days, oldest first
    Revenue(PageOptions),
}

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let paged = |operation, page: PageOptions, text: fn(&Value) -> String| {
        let request = PageWanted::from(page);
        admin.print(json, operation, &request, text)
    };
    match options.command {
        Command::TrialBalance { all } => {
            let request = TrialBalanceWanted { all };
            admin.print(json, Operation::TrialBalance, &request, trial_balance)
        }
        Command::Integrity => {
            admin.print(json, Operation::Integrity, &IntegrityWanted {}, integrity)
        }
        Command::OpenRounds(page) => paged(Operation::OpenRounds, page, rounds),
        Command::Anomalies(page) => paged(Operation::Anomalies, page, anomalies),
        Command::Revenue(page) => paged(Operation::Revenue, page, revenue),
    }
}

fn items<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object[name].as_array().map_or(&[][..], Vec::as_slice)
}

fn trial_balance(report: &Value) -> String {
    let mut text = String::new();
    for currency in items(report, "currencies") {
        let mut rows: Vec<Vec<String>> = items(currency, "accounts")
            .iter()
            .map(|account| vec![text_of(&account["account"]), text_of(&account["balance"])])
            .collect();
        rows.push(vec!["sum".to_owned(), text_of(&currency["sum"])]);
        let columns = ["account", "balance"];
        let table = output::table(&columns, &["balance"], &rows);
        writeln!(text, "{}\n{table}", text_of(&currency["currency"]))
            .expect("a text takes any text");
    }
    text
}

fn integrity(report: &Value) -> String {
    let head = &report["head"];
    let (seq, hash) = (text_of(&head["seq"]), text_of(&head["hash"]));
    let mut text = format!("journal  up to entry {seq}, {hash}\n");
    let mut line = |name: &str, told: String| {
        writeln!(text, "{name:7}  {told}").expect("a text takes any text");
    };
    line(
        "books",
        format!("up to entry {}", text_of(&report["books_seq"])),
    );
    let scrub = &report["scrub"];
    line(
        "scrub",
        match scrub["ok"].as_bool() {
            None => "none has ended yet".to_owned(),
            Some(ok) => format!(
                "{}, {}{} entries and {} rows read by {}",
                ["DAMAGED", "all is well"][usize::from(ok)],
                ["not all pages of the books, ", ""][usize::from(scrub["pages"] == true)],
                text_of(&scrub["entries"]),
                text_of(&scrub["rows"]),
                text_of(&scrub["ended_at"])
            ),
        },
    );
    for finding in items(scrub, "findings") {
        line("", format!("- {}", text_of(finding)));
    }
    let backup = &report["backup"];
    line(
        "backup",
        match backup["state"].as_str() {
            None => "none since the start".to_owned(),
            Some(state) => format!("{state}, to {}", text_of(&backup["to"])),
        },
    );
    text
}

/// `3 x, 15.00 together`.
fn tally(round: &Value, name: &str) -> String {
    let tally = &round[name];
    format!(
        "{} ({})",
        text_of(&tally["amount"]),
        text_of(&tally["count"])
    )
}

fn rounds(page: &Value) -> String {
    let columns = [
        "last_at",
        "partner",
        "player_id",
        "currency",
        "round_id",
        "game",
        "bets",
        "wins",
        "cancels",
    ];
    let row = |round: &Value| {
        let plain = columns[..6].iter().map(|name| text_of(&round[*name]));
        let tallies = columns[6..].iter().map(|name| tally(round, name));
        plain.chain(tallies).collect()
    };
    let rows: Vec<Vec<String>> = items(page, "items").iter().map(row).collect();
    output::with_next(page, output::table(&columns, &columns[6..], &rows))
}

fn anomalies(page: &Value) -> String {
    let columns = [
        "at",
        "kind",
        "partner",
        "player_id",
        "currency",
        "type",
        "id",
        "amount",
        "round_id",
    ];
    let row = |anomaly: &Value| {
        let of_transaction = |name: &str| text_of(&anomaly["transaction"][name]);
        vec![
            of_transaction("at"),
            text_of(&anomaly["kind"]),
            text_of(&anomaly["partner"]),
            text_of(&anomaly["player_id"]),
            text_of(&anomaly["currency"]),
            of_transaction("type"),
            of_transaction("id"),
            of_transaction("amount"),
            text_of(&anomaly["round"]["round_id"]),
        ]
    };
    let rows: Vec<Vec<String>> = items(page, "items").iter().map(row).collect();
    output::with_next(page, output::table(&columns, &["amount"], &rows))
}

fn revenue(page: &Value) -> String {
    let columns = [
        "day", "partner", "currency", "game", "bets", "wins", "cancels", "revenue",
    ];
    let row = |day: &Value| {
        let plain = columns[..4].iter().map(|name| text_of(&day[*name]));
        let tallies = columns[4..7].iter().map(|name| tally(day, name));
        let revenue = std::iter::once(text_of(&day["revenue"]));
        plain.chain(tallies).chain(revenue).collect()
    };
    let rows: Vec<Vec<String>> = items(page, "items").iter().map(row).collect();
    output::with_next(page, output::table(&columns, &columns[4..], &rows))
}
