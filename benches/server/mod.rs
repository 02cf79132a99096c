//! A coffer of its own on a real disk, for benches that speak HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use coffer::books::{Books, Checkpoints};
use coffer::config::{Games, Paykassma};
use coffer::disk::{Disk, RealDisk};
use coffer::engine::command::{AccountName, NewSession, NewUser, Rules};
use coffer::http::sender::{Teller, web_roots};
use coffer::http::{
    Admin, AdminGuard, Gateway, Limits, Meters, PartnerGuard, Payments, Settings, State,
};
use coffer::id::{Lang, PartnerNumber};
use coffer::journal::{self, Archiver, ArchiverStop, CommitMode, JournalError, Pace, RedbJournal};
use coffer::ledger::{self, CheckpointError, Checkpointer, CheckpointerStop, Ledger};
use coffer::money::Amount;
use coffer::protocol::wallet::reply::Wording;
use coffer::protocol::wallet::texts::Texts;
use coffer::secret::{Secret, SecretKey};
use coffer::sim::sample;
use coffer::time::{Clock, Span, SystemClock, UtcOffset};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// As many players as the widest case has connections.
const PLAYERS: usize = 256;

/// What each player has: enough for any number of bets of one cent.
const CENTS: u64 = 1_000_000_000_000;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    ledger: Arc<Ledger>,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<Result<(), ledger::Latched>>,
    writers: Writers,
    _directory: tempfile::TempDir,
}

/// The code of a player's session.
pub(crate) fn code(number: usize) -> String {
    format!("session_{number}_of_the_bench")
}

/// The mobile number of a player's fellow user.
pub(crate) fn mobile(number: usize) -> String {
    format!("9{number:09}")
}

/// Starts a coffer whose partner has the wallet token `bench`.
pub(crate) fn start(runtime: &Runtime) -> Server {
    // Beside the build, so that it lies on a real disk and not on one in memory.
    let directory = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open_or_create(directory.path()).unwrap());
    let key = journal::secret_key(&*disk, false, &[7; 32]).unwrap();
    let options = journal::Options {
        commit: CommitMode::OnePhase,
        must_exist: false,
        segment_size: journal::SEGMENT_SIZE,
        new_id: [7; 16],
        fingerprint: key.fingerprint(),
        now: SystemClock.now(),
    };
    let opened = journal::open(Arc::clone(&disk), options).unwrap();
    let books = ledger::open_books(&*disk, &opened, false).unwrap();
    let settings = ledger::Settings {
        rules: Rules::default(),
        queue_entries_max: 65_536,
        checkpoints: Checkpoints::default(),
    };
    let clock = Arc::new(SystemClock);
    let journal = Arc::new(opened.journal);
    let (writers, ledger) = Writers::begin(&journal, books, settings);
    let backups = journal::Backups::new(journal, Arc::clone(&clock) as _, 0);
    populate(&ledger);
    let state = Arc::new(State {
        ledger: Arc::clone(&ledger),
        clock,
        settings: out_of_the_box(),
        admin: Admin {
            secret_key: Arc::new(SecretKey::new(&[7; 32])),
            games: Games::default(),
            session_ttl: Span::from_seconds(24 * 60 * 60),
            guard: AdminGuard::new(&Secret::random(), true, 20),
            backups: Arc::new(backups),
            scrubs: Arc::default(),
            teller: Teller::new(true, Duration::from_secs(20), web_roots()),
        },
        meters: Meters::default(),
        partner_guard: PartnerGuard::new(Arc::new(SecretKey::new(&[7; 32])), 20),
        game: None,
        gateway: Gateway::new(Arc::new(SecretKey::new(&[7; 32])), 20, Paykassma::default()),
        attachments: journal::Attachments::open(Arc::new(coffer::sim::disk::SimDisk::new()))
            .unwrap(),
    });
    let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (public, admin) = (listen(), listen());
    let address = public.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { drop(stopped.await) };
    let serving = runtime.spawn(coffer::http::serve(state, public, admin, shutdown));
    Server {
        address,
        ledger,
        stop,
        serving,
        writers,
        _directory: directory,
    }
}

/// What is served by.
fn out_of_the_box() -> Settings {
    Settings {
        wording: Wording {
            texts: Texts::new(&Default::default()).unwrap(),
            utc_offset: UtcOffset::UTC,
        },
        trusted_proxies: Vec::new(),
        public_url: "http://bench".to_owned(),
        payments: Payments::default(),
        rates: coffer::engine::rates::Rates::default(),
        limits: Limits::default(),
    }
}

/// Those who write, each in a thread of its own, as `serve` runs them.
struct Writers {
    committing: JoinHandle<Result<(), JournalError>>,
    archiving: JoinHandle<Result<(), JournalError>>,
    checkpointing: JoinHandle<Result<(), CheckpointError>>,
    stops: (ArchiverStop, CheckpointerStop),
}

impl Writers {
    fn begin(
        journal: &Arc<RedbJournal>,
        books: Books,
        settings: ledger::Settings,
    ) -> (Writers, Arc<Ledger>) {
        let of = Arc::<RedbJournal>::clone(journal);
        let recovered = Ledger::recover(of, books, Arc::new(SystemClock), settings);
        let (ledger, committer) = recovered.unwrap();
        let pace = Pace::default();
        let (archiver, archiver_stop) = Archiver::new(Arc::clone(journal), &committer, pace);
        let (checkpointer, checkpointer_stop) = Checkpointer::new(Arc::clone(&ledger));
        let writers = Writers {
            committing: std::thread::spawn(move || committer.run()),
            archiving: std::thread::spawn(move || archiver.run()),
            checkpointing: std::thread::spawn(move || checkpointer.run()),
            stops: (archiver_stop, checkpointer_stop),
        };
        (writers, ledger)
    }

    fn end(self) {
        self.committing.join().unwrap().unwrap();
        drop(self.stops);
        self.archiving.join().unwrap().unwrap();
        self.checkpointing.join().unwrap().unwrap();
    }
}

impl Server {
    /// Drains and ends it; everything was durable.
    pub(crate) fn stop(self, runtime: &Runtime) {
        self.stop.send(()).unwrap();
        runtime.block_on(self.serving).unwrap().unwrap();
        self.ledger.shut_down();
        self.writers.end();
    }
}

fn populate(ledger: &Ledger) {
    let partner = sample::partner("bench", "USD".parse().unwrap());
    let partner = ledger
        .create_partner(partner, sample::secrets())
        .unwrap()
        .value;
    for number in 0..PLAYERS {
        let user = NewUser {
            name: "User of the bench".parse().unwrap(),
            email: "user@bench.example".parse().unwrap(),
            mobile: mobile(number).parse().unwrap(),
        };
        ledger.register_user(&partner, &user).unwrap();
        let account = AccountName {
            partner: PartnerNumber(1),
            player_id: format!("player-{number}").parse().unwrap(),
            currency: "USD".parse().unwrap(),
        };
        ledger
            .create_player(&account, Amount::from_cents(CENTS).unwrap())
            .unwrap();
        let session = NewSession {
            account,
            code: code(number).parse().unwrap(),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(24 * 3600),
        };
        ledger.open_session(session).unwrap();
    }
}
