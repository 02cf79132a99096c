//! Users and their wallets as the ledger keeps them: numbers, mobile numbers, transfers; in memory,
//! in the books, after a start.

use std::sync::Arc;

use coffer::engine::command::{AccountName, NewTransfer, NewUser, PartnerChange};
use coffer::engine::document::TransferKind;
use coffer::engine::refusal::UserRefusal;
use coffer::engine::settings::{OnRepeat, SettingsChange};
use coffer::id::{Mobile, PartnerNumber};
use coffer::journal::{CommitMode, Journal, RedbJournal};
use coffer::ledger::{Checkpointer, Committer, Ledger, UserError};
use coffer::money::Amount;
use coffer::sim::Workload;
use coffer::sim::disk::SimDisk;

use crate::on_disk::{open_disk, recover};
use crate::world::{clock, perform, rules};

fn open(disk: &SimDisk) -> (Arc<Ledger>, Committer) {
    let opened = open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, 1 << 20);
    let (redb, books) = opened.unwrap();
    let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
    recover(&journal, books, &clock(), rules(), 100).unwrap()
}

/// A ledger with four partners.
fn with_partners(disk: &SimDisk) -> (Arc<Ledger>, Committer) {
    let (ledger, committer) = open(disk);
    for operation in Workload::partners() {
        perform(&ledger, &clock(), &operation).unwrap();
    }
    (ledger, committer)
}

fn mobile(number: u64) -> Mobile {
    format!("{number:010}").parse().unwrap()
}

fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).unwrap()
}

fn register(ledger: &Ledger, partner: u32, number: u64) -> Result<u64, UserRefusal> {
    let partner = ledger.partner(PartnerNumber(partner)).unwrap().value;
    let new = NewUser {
        name: "New User Name".parse().unwrap(),
        email: "newuser@example.com".parse().unwrap(),
        mobile: mobile(number),
    };
    match ledger.register_user(&partner, &new) {
        Ok(seen) => Ok(seen.value.0),
        Err(UserError::Refused(refusal, _)) => Err(refusal),
        Err(UserError::Unavailable) => panic!("there is room"),
    }
}

fn user(ledger: &Ledger, partner: u32, number: u64) -> Result<u64, UserRefusal> {
    let partner = ledger.partner(PartnerNumber(partner)).unwrap().value;
    match ledger.user(&partner, &mobile(number)) {
        Ok(seen) => Ok(seen.value.number.0),
        Err(UserError::Refused(refusal, _)) => Err(refusal),
        Err(UserError::Unavailable) => panic!("the books are read"),
    }
}

/// What a transfer of some cents leaves on the wallet, under a text.
fn transfer(
    ledger: &Ledger,
    (partner, number): (u32, u64),
    (kind, amount, id): (TransferKind, u64, &str),
) -> Result<u64, UserRefusal> {
    let partner = ledger.partner(PartnerNumber(partner)).unwrap().value;
    let new = NewTransfer {
        kind,
        mobile: mobile(number),
        amount: cents(amount),
        id: id.parse().unwrap(),
    };
    match ledger.transfer(&partner, &new) {
        Ok(seen) => Ok(seen.value.balance_after.cents()),
        Err(UserError::Refused(refusal, _)) => Err(refusal),
        Err(UserError::Unavailable) => panic!("there is room"),
    }
}

use TransferKind::{Deposit, Withdrawal};

fn set_on_repeat(ledger: &Ledger, on_repeat: OnRepeat) {
    let settings = SettingsChange {
        on_repeat: Some(on_repeat),
        ..SettingsChange::default()
    };
    let change = PartnerChange {
        settings,
        ..PartnerChange::default()
    };
    ledger.change_partner(PartnerNumber(1), change).unwrap();
}

#[test]
fn users_are_numbered_from_101_and_a_refused_registration_uses_no_number() {
    let (ledger, _committer) = with_partners(&SimDisk::new());
    assert_eq!(user(&ledger, 1, 7), Err(UserRefusal::UserUnknown));
    assert_eq!(register(&ledger, 1, 7), Ok(101));
    assert_eq!(register(&ledger, 1, 7), Err(UserRefusal::MobileRegistered));
    assert_eq!(user(&ledger, 2, 7), Err(UserRefusal::NotThePartnersUser));
    assert_eq!(register(&ledger, 2, 7), Ok(102), "another partner's user");
    assert_eq!(user(&ledger, 1, 7), Ok(101));
    assert_eq!(user(&ledger, 2, 7), Ok(102));
}

#[test]
fn a_number_whose_name_a_player_has_is_passed_over() {
    let (ledger, _committer) = with_partners(&SimDisk::new());
    for taken in ["usr-102", "usr-103"] {
        let name = AccountName {
            partner: PartnerNumber(1),
            player_id: taken.parse().unwrap(),
            currency: "EUR".parse().unwrap(),
        };
        ledger.create_player(&name, Amount::ZERO).unwrap();
    }
    let numbers = [(1, 7), (1, 8), (2, 8), (1, 9)];
    let numbers = numbers.map(|(partner, number)| register(&ledger, partner, number).unwrap());
    assert_eq!(numbers, [101, 104, 105, 106]);
}

#[test]
fn users_and_transfers_outlive_memory_and_the_process() {
    let disk = SimDisk::new();
    let (mut ledger, mut committer) = with_partners(&disk);
    assert_eq!(register(&ledger, 1, 7), Ok(101));
    assert_eq!(transfer(&ledger, (1, 7), (Deposit, 250, "a")), Ok(250));
    for round in 0..6 {
        let (next, id) = (20 + round, format!("round-{round}"));
        assert_eq!(register(&ledger, 2, next), Ok(102 + round));
        let more = transfer(&ledger, (1, 7), (Deposit, 100, &id));
        assert_eq!(more, Ok(350 + 100 * round));
        let poor = UserRefusal::InsufficientFunds {
            balance: cents(350 + 100 * round),
            requested: cents(1000),
        };
        let left = transfer(&ledger, (1, 7), (Withdrawal, 1000, "b"));
        assert_eq!(left, Err(poor));
        committer.step(usize::MAX).unwrap();
        match round {
            // Out of memory, into the books.
            0..3 => {
                let (mut checkpointer, _stop) = Checkpointer::new(Arc::clone(&ledger));
                checkpointer.checkpoint().unwrap();
            }
            // Out of the journal's tail.
            _ => {
                drop((ledger, committer));
                (ledger, committer) = open(&disk);
            }
        }
        assert_eq!(register(&ledger, 1, 7), Err(UserRefusal::MobileRegistered));
        assert_eq!(user(&ledger, 1, next), Err(UserRefusal::NotThePartnersUser));
        assert_eq!(user(&ledger, 2, next), Ok(102 + round));
        let used = Err(UserRefusal::TransferIdUsed);
        assert_eq!(transfer(&ledger, (1, 7), (Deposit, 250, "a")), used);
        set_on_repeat(&ledger, OnRepeat::Replay);
        assert_eq!(transfer(&ledger, (1, 7), (Deposit, 250, "a")), Ok(250));
        for other in [(Deposit, 251, "a"), (Withdrawal, 250, "a")] {
            assert_eq!(transfer(&ledger, (1, 7), other), used);
        }
        set_on_repeat(&ledger, OnRepeat::Refuse);
    }
}

#[test]
fn a_number_that_another_partner_registers_later_stays_the_firsts_too() {
    let disk = SimDisk::new();
    let (ledger, mut committer) = with_partners(&disk);
    assert_eq!(register(&ledger, 1, 7), Ok(101));
    committer.step(usize::MAX).unwrap();
    let (mut checkpointer, stop) = Checkpointer::new(Arc::clone(&ledger));
    checkpointer.checkpoint().unwrap();
    // The books know of the first alone, the journal's tail of the second.
    assert_eq!(register(&ledger, 2, 7), Ok(102));
    committer.step(usize::MAX).unwrap();
    drop((ledger, committer, checkpointer, stop));
    let (ledger, _committer) = open(&disk);
    for (partner, number) in [(1, 101), (2, 102)] {
        assert_eq!(user(&ledger, partner, 7), Ok(number));
        let again = register(&ledger, partner, 7);
        assert_eq!(again, Err(UserRefusal::MobileRegistered));
    }
}

#[test]
fn transfers_move_money_between_a_partner_and_its_users_alone() {
    let (ledger, _committer) = with_partners(&SimDisk::new());
    assert_eq!(register(&ledger, 1, 7), Ok(101));
    assert_eq!(register(&ledger, 2, 20), Ok(102));
    assert_eq!(transfer(&ledger, (1, 7), (Deposit, 850, "a")), Ok(850));
    // Another partner numbers its transfers by itself.
    assert_eq!(transfer(&ledger, (2, 20), (Deposit, 5, "a")), Ok(5));
    let taken = transfer(&ledger, (2, 20), (Withdrawal, 5, "b"));
    assert_eq!(taken, Ok(0));
    let nobody = transfer(&ledger, (1, 8), (Deposit, 5, "c"));
    assert_eq!(nobody, Err(UserRefusal::UserUnknown));
    let brim = (Deposit, Amount::MAX.cents(), "d");
    assert_eq!(
        transfer(&ledger, (1, 7), brim),
        Err(UserRefusal::BalanceOutOfRange)
    );
    let book = ledger.trial_balance(false).unwrap().value;
    let usd = &book.currencies[&"USD".parse().unwrap()];
    let accounts: Vec<_> = (usd.accounts.iter())
        .filter(|(_, sum)| !sum.is_zero())
        .map(|(name, sum)| (name.as_str(), sum.to_string()))
        .collect();
    assert_eq!(
        accounts,
        [
            ("partner/p1", "-8.50".to_owned()),
            ("players/p1", "8.50".to_owned())
        ]
    );
    assert!(usd.sum.is_zero());
}
