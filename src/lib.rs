//! coffer: a wallet engine in one binary, storage embedded.
//!
//! Game servers bet, win and cancel against players' balances over HTTP; every change is a
//! double entry in a hash-chained journal, and no answer leaves before what it rests on is
//! synced.
//!
//! # The layers
//!
//! Each imports downward only; `tests/tidy.rs` keeps it so.
//!
//! | module | what lives there |
//! |---|---|
//! | [`cli`] | the commands; `serve` wires everything |
//! | [`http`] | sockets, limits, routes; one thin file per protocol joins it to the ledger |
//! | [`protocol`] | pure: bytes to command, outcome to bytes |
//! | [`page`] | pure: what people see, as bytes |
//! | [`config`] | flags, environment and file, read and checked once |
//! | [`sim`] | seeded workload, naive model, failing disk, clock |
//! | [`ledger`] | shards, locks, the durable wait; joins engine and journal |
//! | [`journal`] | entries on disk: codec, chain, log, witness, committer |
//! | [`engine`] | pure: every rule about money; command in, entry or refusal out |
//! | [`disk`], [`sort`], [`meter`], [`secret`], [`money`], [`id`], [`time`] | the ground |
//!
//! # The life of one bet
//!
//! A connection reads the body and [`protocol::wallet`] decodes it. [`ledger::Ledger::play`]
//! finds the session by its code, takes a permit of the queue to the disk (none: 503 for what
//! would be written), locks the id's shard and the player's, and lets [`engine::play`] judge. What
//! is accepted gets its seq and stamp under one short lock, goes into the queue, is applied, and
//! the locks are let go. The committer writes what has gathered as one batch, syncs once, and
//! wakes those who wait in [`ledger::Ledger::durable`]; only then the answer is encoded and sent.
//!
//! # Why
//!
//! - *Why is an answer of success never taken back?* It leaves after the sync, and so does every
//!   answer that merely saw what is being synced: a repetition, a balance, a refusal.
//! - *Why decide and apply apart?* Recovery applies old entries and must not judge them again.
//! - *Why does a failed sync stop everything?* After it nobody knows what is on the disk. The
//!   process ends, and the next start reads what is there.
//! - *Why are chains in the entries?* Each account's entries name the one before them, so that a
//!   statement needs no index and a hole in the history cannot hide.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may stop at once"))]

pub mod books;
mod bytes;
pub mod cli;
pub mod config;
pub mod disk;
pub mod engine;
pub mod http;
pub mod id;
pub mod journal;
pub mod ledger;
pub mod meter;
pub mod money;
pub mod page;
pub mod protocol;
pub mod secret;
pub mod sim;
pub mod sort;
pub mod time;
