//! Memory that fills up, and a queue that does: what would be written is turned away, what writes
//! nothing is told, and memory stays within its bounds however long the disk has no room.

use std::sync::Arc;

use coffer::books::Checkpoints;
use coffer::engine::command::{
    AccountName, CancelOf, Command, NewAdjustment, NewSession, Rules, Transaction,
};
use coffer::engine::refusal::{OperatorRefusal, PlayRefusal};
use coffer::id::{GameNumber, Lang, PartnerNumber, TransactionId};
use coffer::journal::{CommitMode, Journal, RedbJournal};
use coffer::ledger::{
    Checkpointer, CheckpointerStop, Committer, Ledger, OperatorError, Outcome, Settings, Space,
    Unavailable,
};
use coffer::money::{Amount, Sum};
use coffer::sim::disk::SimDisk;
use coffer::sim::sample;
use coffer::time::Span;

use crate::on_disk::open_disk;
use crate::world::clock;

/// Bytes that memory may take: half of them, the current generation's, are some hundred players.
const RESIDENT: u64 = 800_000;

/// Far more than fit into memory.
const PLAYERS: u64 = 2_400;

const QUEUE: usize = 8192;

/// A ledger whose players are in the books and not in memory.
struct Pressed {
    ledger: Arc<Ledger>,
    committer: Committer,
    checkpointer: Checkpointer,
    _stop: CheckpointerStop,
}

impl Pressed {
    fn new(queue_entries_max: usize) -> Pressed {
        Pressed::on(&SimDisk::new(), queue_entries_max)
    }

    /// With one partner, on an empty disk.
    fn on(disk: &SimDisk, queue_entries_max: usize) -> Pressed {
        let disk = Arc::new(disk.clone());
        let (redb, books) = open_disk(disk, CommitMode::OnePhase, 1 << 20).unwrap();
        let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
        let settings = Settings {
            rules: Rules::default(),
            queue_entries_max,
            checkpoints: Checkpoints {
                resident_bytes: RESIDENT,
                slice_rows: 100,
                ..Checkpoints::default()
            },
        };
        let (ledger, committer) = Ledger::recover(journal, books, clock(), settings).unwrap();
        let (checkpointer, stop) = Checkpointer::new(Arc::clone(&ledger));
        let partner = sample::partner("w1", "USD".parse().unwrap());
        ledger.create_partner(partner, sample::secrets()).unwrap();
        Pressed {
            ledger,
            committer,
            checkpointer,
            _stop: stop,
        }
    }

    fn with_players(players: u64) -> Pressed {
        let mut pressed = Pressed::new(QUEUE);
        for player in 0..players {
            pressed.open_session(player);
        }
        for _ in 0..2 {
            pressed.write_down();
            pressed.checkpointer.checkpoint().unwrap();
        }
        assert_eq!(pressed.ledger.resident_bytes(), 0);
        pressed
    }

    fn open_session(&self, player: u64) {
        let new = NewSession {
            account: account(player),
            code: code(player).parse().unwrap(),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(3600),
        };
        self.ledger.open_session(new).unwrap();
    }

    fn write_down(&mut self) {
        while self.committer.step(usize::MAX).unwrap() > 0 {}
    }

    fn play(&self, player: u64, command: &Command) -> Result<Outcome, Unavailable> {
        let partner = self.ledger.partner(PartnerNumber(1)).unwrap().value;
        let played = self.ledger.play(&partner, &code(player), command);
        played.map(|played| played.outcome)
    }

    fn refusal(&self, player: u64, command: &Command) -> Option<PlayRefusal> {
        match self.play(player, command) {
            Ok(Outcome::Refused { refusal, .. }) => Some(refusal),
            _ => None,
        }
    }

    /// Wins of one cent each until they are turned away; how many were taken.
    fn win_on(&mut self, from: u64) -> u64 {
        for number in 0..20_000 {
            if self.play(0, &win(from + number, 1)) == Err(Unavailable) {
                return number;
            }
            if number % 50 == 0 {
                self.write_down();
                assert!(!self.checkpointer.step(true).unwrap());
            }
        }
        panic!("memory fills without a bound");
    }
}

fn account(player: u64) -> AccountName {
    AccountName {
        partner: PartnerNumber(1),
        player_id: format!("player{player}").parse().unwrap(),
        currency: "USD".parse().unwrap(),
    }
}

fn code(player: u64) -> String {
    format!("code{player}")
}

fn win(id: u64, cents: u64) -> Command {
    Command::Win(Transaction {
        id: TransactionId(id),
        round: None,
        game: GameNumber(1),
        amount: Amount::from_cents(cents).unwrap(),
    })
}

fn done(cents: u64) -> Result<Outcome, Unavailable> {
    let balance = Amount::from_cents(cents).unwrap();
    Ok(Outcome::Done { balance })
}

fn is_balance(told: &Result<Outcome, Unavailable>) -> bool {
    matches!(told, Ok(Outcome::Balance { .. }))
}

/// What the current generations may take at most, with what comes between two looks.
const BOUND: u64 = RESIDENT / 2 * 3 / 2;

#[test]
fn what_is_merely_looked_at_on_a_full_disk_does_not_stay_in_memory() {
    let mut pressed = Pressed::with_players(PLAYERS);
    pressed.ledger.set_space(Space::Full, 0);
    let (mut most, before) = (0, pressed.ledger.booked_seq());
    for player in 0..PLAYERS {
        assert!(is_balance(&pressed.play(player, &Command::Credit)));
        let none = win(1_000 + player, 1);
        assert_eq!(pressed.play(player, &none), Err(Unavailable));
        if player % 10 == 0 {
            pressed.checkpointer.step(true).unwrap();
        }
        most = most.max(pressed.ledger.resident_bytes());
    }
    assert!(most <= BOUND, "{most} bytes were in memory");
    assert_eq!(pressed.ledger.booked_seq(), before);
    // It was the looking that filled memory: what is written is taken as soon as there is room.
    pressed.ledger.set_space(Space::Ample, u64::MAX);
    assert_eq!(pressed.play(1, &win(1, 1)), done(1));
}

#[test]
fn what_would_be_written_is_turned_away_where_the_books_find_no_room_and_all_else_is_told() {
    let mut pressed = Pressed::with_players(PLAYERS);
    pressed.ledger.set_space(Space::Low, 0);
    let taken = pressed.win_on(1_000);
    let most = pressed.ledger.resident_bytes();
    assert!(taken > 100 && most <= BOUND, "{taken} wins, {most} bytes");

    assert_eq!(pressed.play(0, &win(1_000, 1)), done(taken), "a repetition");
    let conflict = win(1_000, 2);
    assert_eq!(pressed.refusal(0, &conflict), Some(PlayRefusal::IdUsed));
    let nobody = pressed.refusal(PLAYERS, &Command::Credit);
    assert_eq!(nobody, Some(PlayRefusal::SessionUnknown));
    for player in 0..PLAYERS {
        assert!(is_balance(&pressed.play(player, &Command::Credit)));
        if player % 10 == 0 {
            assert!(!pressed.checkpointer.step(true).unwrap());
        }
    }
    let void = Command::Cancel(CancelOf {
        id: TransactionId(1),
        round: None,
    });
    assert_eq!(pressed.play(7, &void), Err(Unavailable));
    let most = pressed.ledger.resident_bytes();
    assert!(most <= BOUND * 3 / 2, "{most} bytes are in memory");

    pressed.ledger.set_space(Space::Low, 1 << 40);
    pressed.write_down();
    assert!(pressed.checkpointer.step(false).unwrap());
    assert_eq!(pressed.play(7, &void), done(0));
}

#[test]
fn checkpoints_go_on_in_low_space_where_there_is_room_for_them() {
    let mut pressed = Pressed::with_players(10);
    assert_eq!(pressed.play(1, &win(1, 1)), done(1));
    pressed.write_down();
    let before = pressed.ledger.booked_seq();
    for (space, room, written) in [
        (Space::Full, u64::MAX, false),
        (Space::Low, 20_000, false),
        (Space::Low, 1_000_000, true),
    ] {
        pressed.ledger.set_space(space, room);
        assert!(!pressed.checkpointer.step(false).unwrap(), "not due");
        let made = pressed.checkpointer.step(true).unwrap();
        assert_eq!(made, written, "{space:?} {room}");
        assert_eq!(pressed.ledger.booked_seq() > before, written);
    }
}

#[test]
fn a_full_queue_turns_away_only_what_would_be_written() {
    let mut pressed = Pressed::new(4);
    pressed.open_session(0);
    let adjustment = |reference: &str| NewAdjustment {
        account: account(0),
        amount: Sum::from_decimal("1.00").unwrap(),
        reference: reference.parse().unwrap(),
        reason: "test".parse().unwrap(),
    };
    pressed.ledger.adjust(&adjustment("a1")).unwrap();
    pressed.write_down();
    for id in 1..=4 {
        assert_eq!(pressed.play(0, &win(id, 1)), done(100 + id));
    }
    assert_eq!(pressed.play(0, &win(5, 1)), Err(Unavailable));
    assert_eq!(pressed.play(0, &win(1, 1)), done(104), "a repetition");
    let conflict = pressed.refusal(0, &win(1, 2));
    assert_eq!(conflict, Some(PlayRefusal::IdUsed));
    assert!(is_balance(&pressed.play(0, &Command::Credit)));

    let repeated = pressed.ledger.adjust(&adjustment("a1")).unwrap();
    assert!(repeated.value.repeated);
    let other = pressed.ledger.adjust(&adjustment("a2"));
    assert!(matches!(other, Err(OperatorError::Unavailable)));
    let unknown = pressed
        .ledger
        .set_blocked(PartnerNumber(1), &account(9).player_id, true);
    assert!(matches!(
        unknown,
        Err(OperatorError::Refused(OperatorRefusal::PlayerUnknown, _))
    ));
    // What a repetition rests on is not durable before it is in the journal.
    let partner = pressed.ledger.partner(PartnerNumber(1)).unwrap().value;
    let again = pressed.ledger.play(&partner, &code(0), &win(4, 1)).unwrap();
    assert!(again.seq > pressed.ledger.durable_seq());
    pressed.write_down();
    assert!(again.seq <= pressed.ledger.durable_seq());
    assert_eq!(pressed.play(0, &win(5, 1)), done(105));
}

#[test]
fn a_start_whose_books_find_no_room_takes_no_more_into_memory_than_may_be_there() {
    let disk = SimDisk::new();
    let mut pressed = Pressed::on(&disk, QUEUE);
    pressed.open_session(0);
    for id in 1..=8_000 {
        assert_eq!(pressed.play(0, &win(id, 1)), done(id));
    }
    pressed.write_down();
    drop(pressed);
    for (resident_bytes, starts) in [(1 << 30, true), (RESIDENT, false)] {
        let (redb, books) =
            open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, 1 << 20).unwrap();
        // Nothing more can be written.
        disk.set_capacity(0);
        let settings = Settings {
            rules: Rules::default(),
            queue_entries_max: QUEUE,
            checkpoints: Checkpoints {
                entries: 100,
                resident_bytes,
                slice_rows: 10,
                ..Checkpoints::default()
            },
        };
        let recovered = Ledger::recover(redb, books, clock(), settings);
        disk.set_capacity(u64::MAX);
        match recovered {
            Ok((ledger, _committer)) => {
                assert!(starts, "{} bytes", ledger.resident_bytes());
                assert_eq!(ledger.head().seq.0, 8_002);
            }
            Err(error) => assert!(
                !starts && error.to_string().contains("books.redb"),
                "{error}"
            ),
        }
    }
}
