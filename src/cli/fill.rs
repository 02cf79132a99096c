//! `coffer demo --fill N`: a history made before anything is served, with a bar that shows how far
//! it is and figures at the end.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::demo::curl;
use super::failure::Failure;
use super::number::whole;
use crate::disk::RESERVE;
use crate::ledger::Ledger;
use crate::sim::fill::{FillError, Filling, Ids, Order, Plan};

/// Accounts where none are asked for: one for so many transactions, within bounds.
const TRANSACTIONS_PER_ACCOUNT: u64 = 100;
const ACCOUNTS_MIN: u64 = 100;
const ACCOUNTS_MAX: u64 = 1_000_000;

/// Between two looks whether to stop; some milliseconds of work.
const STEP: u64 = 4096;

#[derive(Args)]
pub(super) struct FillOptions {
    /// Play N transactions of partners of their own before serving
    #[arg(long = "fill", value_name = "N", value_parser = whole::<u64>(0..=u64::MAX))]
    transactions: Option<u64>,
    /// Spread them over M accounts [default: N / 100, from 100 to 1000000]
    #[arg(long = "fill-accounts", value_name = "M", requires = "transactions",
          value_parser = whole::<u64>(1..=u64::MAX))]
    accounts: Option<u64>,
    /// Number them as rising or random ids
    #[arg(long = "fill-ids", value_name = "IDS", default_value_t = Ids::Rising)]
    ids: Ids,
    /// Where all their chance comes from
    #[arg(long = "fill-seed", value_name = "SEED", default_value_t = 1,
          value_parser = whole::<u64>(0..=u64::MAX))]
    seed: u64,
}

impl FillOptions {
    /// What is wanted, where anything is.
    pub(super) fn order(&self) -> Option<Order> {
        let transactions = self.transactions?;
        let usual = (transactions / TRANSACTIONS_PER_ACCOUNT).clamp(ACCOUNTS_MIN, ACCOUNTS_MAX);
        Some(Order {
            seed: self.seed,
            transactions,
            accounts: self.accounts.unwrap_or(usual),
            ids: self.ids,
        })
    }
}

/// A fill that is done, and how it went.
pub(super) struct Filled {
    plan: Plan,
    accounts: Done,
    transactions: Done,
}

/// Fills the ledger whose files lie in `data`.
pub(super) async fn fill(
    ledger: Arc<Ledger>,
    order: Order,
    data: &Path,
) -> Result<Filled, Failure> {
    let mut filling = Filling::begin(ledger, order).await?;
    let plan = filling.plan();
    tracing::info!("{plan}");
    let accounts = Stage::begin(data, "accounts", order.accounts)?;
    loop {
        match filling.open(STEP).await? {
            0 => break,
            opened => accounts.advance(opened).await,
        }
    }
    filling.synced().await?;
    let accounts = accounts.end(data)?;
    let transactions = Stage::begin(data, "transactions", order.transactions)?;
    loop {
        match filling.play(STEP).await? {
            0 => break,
            played => transactions.advance(played).await,
        }
    }
    filling.synced().await?;
    Ok(Filled {
        plan,
        accounts,
        transactions: transactions.end(data)?,
    })
}

impl From<FillError> for Failure {
    fn from(error: FillError) -> Failure {
        Failure::of(&error)
    }
}

/// A part of a fill under way.
struct Stage {
    bar: ProgressBar,
    begun: Instant,
    /// What the data directory held before.
    bytes: u64,
}

/// A part of a fill that is synced.
struct Done {
    count: u64,
    took: Duration,
    /// What it put into the data directory.
    bytes: u64,
}

impl Stage {
    fn begin(data: &Path, what: &'static str, count: u64) -> Result<Stage, Failure> {
        let style = "{elapsed_precise} {wide_bar} {human_pos}/{human_len} {msg} {eta}";
        let style = ProgressStyle::with_template(style).expect("the template is well formed");
        Ok(Stage {
            bar: ProgressBar::new(count).with_style(style).with_message(what),
            begun: Instant::now(),
            bytes: bytes_in(data)?,
        })
    }

    async fn advance(&self, count: u64) {
        self.bar.inc(count);
        // Whoever stops the fill has its turn.
        tokio::task::yield_now().await;
    }

    fn end(self, data: &Path) -> Result<Done, Failure> {
        let took = self.begun.elapsed();
        self.bar.finish_and_clear();
        Ok(Done {
            count: self.bar.position(),
            took,
            bytes: bytes_in(data)?.saturating_sub(self.bytes),
        })
    }
}

impl Done {
    /// The figures in one line; each of `what` is `entries` entries.
    fn told(&self, what: &str, entries: u64) -> String {
        let millis = self.took.as_millis();
        let per_second = u128::from(self.count * entries) * 1000 / millis.max(1);
        let tenths = self.bytes * 10 / self.count.max(1);
        format!(
            "# {} {what} in {}.{:03} s: {per_second} entries/s, {}.{} bytes on disk for each\n",
            self.count,
            millis / 1000,
            millis % 1000,
            tenths / 10,
            tenths % 10,
        )
    }
}

impl Filled {
    /// How it went, and how it is reached below `public_url`.
    pub(super) fn told(&self, public_url: &str) -> String {
        let token = self.plan.wallet_token(self.plan.partner_of(0));
        let (url, code) = (format!("{public_url}/wallet/{token}"), self.plan.code(0));
        let body = format!(r#"{{"code":"{code}","type":"credit","time":"21-09-2023 03:23:23"}}"#);
        format!(
            "# {}\n{}{}# Read the balance of its first account:\n{}",
            self.plan,
            // An account comes with its balance, then its session is opened.
            self.accounts.told("accounts", 2),
            self.transactions.told("transactions", 1),
            curl(&url, &body),
        )
    }
}

/// What the files in `directory` and below hold together, the room kept back aside.
fn bytes_in(directory: &Path) -> Result<u64, Failure> {
    let read = || -> io::Result<u64> {
        let mut bytes = 0;
        let mut directories = vec![directory.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                match entry.metadata() {
                    Ok(of) if of.is_dir() => directories.push(entry.path()),
                    Ok(of) if entry.file_name() != RESERVE => bytes += of.len(),
                    Ok(_) => {}
                    // A file that got its name, or was trimmed away, meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(bytes)
    };
    let unread = |error| Failure::Refused(format!("{}: {error}", directory.display()));
    read().map_err(unread)
}
