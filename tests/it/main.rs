//! Behaviour over real sockets and the real command line, one file a subject, in one binary that
//! links once.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod addresses;
mod admin_api;
mod anew;
mod audit;
mod backup;
mod backup_broken_off;
mod backup_cli;
mod books;
mod checkpoints;
mod cli;
mod corruption;
mod crash;
mod export;
mod fill;
mod fixtures;
mod formats;
mod full_disk;
mod history;
mod hot_accounts;
mod journal;
mod journal_start;
mod kill;
mod limits;
mod model;
mod nth_failure;
mod offline;
mod on_disk;
mod operator;
mod partner_access;
mod partner_secrets;
mod partner_settings;
mod planted;
mod power_cut;
mod process;
mod races;
mod readings;
mod rebuild;
mod scrub;
mod shutdown;
mod space;
mod support;
mod users;
mod verify;
mod verify_books;
mod wallet_bet;
mod wallet_cancel;
mod wallet_golden;
mod wallet_malformed;
mod wallet_win;
mod wire;
mod world;
