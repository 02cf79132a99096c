//! A disk that fills up and empties again (reliability.md, T5): what is turned away at each mark,
//! that nothing answered is lost, and that service returns by itself.

use std::sync::Arc;

use coffer::disk::{Disk, RESERVE};
use coffer::id::Lang;
use coffer::journal::{CommitMode, SEGMENT_SIZE};
use coffer::ledger::{Marks, Notice, OperatorError, Space, SpaceWatch};
use coffer::sim::disk::{Fault, Operation, SimDisk};

use serde_json::json;

use crate::crash::{Seams, World};
use crate::desk::SHOP;
use crate::gateway_withdrawals::signed_by;
use crate::on_disk::open_disk;
use crate::payers::Merchant;
use crate::support::{CODE, PLAYER, Plays, Server, TOKEN, partner_request, told};
use crate::world::{Replay, number};

const MIB: u64 = 1 << 20;
const MARKS: Marks = Marks {
    low: 16 * MIB,
    stop: 8 * MIB,
};

/// What a server of the document's session tells at the moment.
struct Seen<'a>(&'a Server);

impl Seen<'_> {
    /// Turned away with nothing touched.
    fn turns_away(&self, body: &str) {
        let answer = self.0.post(body);
        assert_eq!(answer.status, 503, "{body}: {answer:?}");
        let words = r#"{"result":50,"err_code":50,"err_desc":"Temporarily unavailable","time":"#;
        assert!(answer.body.starts_with(words), "{}", answer.body);
        assert!(!answer.closes(), "the caller may try again at once");
    }

    fn readiness(&self) -> (u16, String) {
        let request = b"GET /readyz HTTP/1.1\r\nHost: coffer.test\r\n\r\n";
        let answer = self.0.connect().ask(request);
        (answer.status, answer.body)
    }

    fn result(&self, body: &str) -> (u64, Option<u64>) {
        told(&self.0.play(body))
    }
}

/// A watch over a server's disk, on which `free` bytes are left from now on.
struct Room {
    disk: SimDisk,
    watch: SpaceWatch,
}

impl Room {
    fn over(server: &Server, reserve_size: u64) -> Room {
        let disk = server.books.disk();
        let watched: Arc<dyn Disk> = Arc::new(disk.clone());
        let ledger = Arc::clone(&server.ledger);
        let watch = SpaceWatch::new(watched, ledger, MARKS, reserve_size).unwrap();
        Room { disk, watch }
    }

    /// Leaves `free` bytes and looks; what was noticed.
    fn look(&mut self, free: u64) -> Vec<String> {
        leave(&self.disk, free);
        self.again()
    }

    fn again(&mut self) -> Vec<String> {
        self.watch.look().iter().map(Notice::to_string).collect()
    }
}

#[test]
fn below_the_first_mark_no_bets_are_taken_and_still_wins_and_cancels() {
    let server = Server::start();
    let (seen, plays) = (Seen(&server), Plays(CODE));
    let mut room = Room::over(&server, 0);
    assert_eq!(room.look(16 * MIB), [""; 0]);
    assert_eq!(seen.result(&plays.bet_in(1, 1, 500)), (1, Some(99_500)));
    assert_eq!(seen.result(&plays.bet_in(2, 2, 500)), (1, Some(99_000)));

    let noticed = room.look(16 * MIB - 4096);
    assert!(
        noticed.len() == 1 && noticed[0].contains("storage.free_low"),
        "{noticed:?}"
    );
    assert_eq!(room.again(), [""; 0], "told once");
    seen.turns_away(&plays.bet_in(3, 3, 500));
    assert_eq!(seen.result(&plays.win_in(1, 4, 700)), (1, Some(99_700)));
    assert_eq!(seen.result(&plays.cancel_in(2, 2)), (1, Some(100_200)));
    // Nothing is written by these, so they are told as ever.
    assert_eq!(
        seen.result(&plays.bet_in(1, 1, 500)),
        (1, Some(100_200)),
        "a repetition"
    );
    assert_eq!(seen.result(&plays.bet_in(1, 1, 501)).0, 5);
    assert_eq!(seen.result(&plays.bet_in(4, 5, 900_000)).0, 4);
    assert_eq!(
        seen.readiness(),
        (200, r#"{"ready":true,"space":"low"}"#.to_owned())
    );
    // Operators go on.
    server.adjust("1.00", "a1");
    server.add_session(server.partner, PLAYER, "USD", "another_1", Lang::EN);

    assert_eq!(room.look(17 * MIB), [""; 0], "it does not flap");
    seen.turns_away(&plays.bet_in(3, 3, 500));
    assert_eq!(room.look(18 * MIB).len(), 1);
    assert_eq!(seen.result(&plays.bet_in(3, 3, 500)), (1, Some(99_800)));
    assert_eq!(seen.readiness(), (200, r#"{"ready":true}"#.to_owned()));
}

#[test]
fn below_the_first_mark_partners_and_merchants_are_turned_away_with_nothing_touched() {
    let merchant = Merchant::open();
    let server = &merchant.desk.server;
    let user = r#"{"name":"N","email":"n@example.com","mobile":"MOBILE"}"#;
    let partner = |line: &str, body: &str| {
        let line = line.replace(' ', " /v2/partner/");
        let request = String::from_utf8(partner_request(TOKEN, &line, body)).unwrap();
        let game = "\r\nX-Game-Type: mine\r\n\r\n";
        let request = request.replacen("\r\n\r\n", game, 1);
        server.connect().ask(request.as_bytes())
    };
    let first = partner("POST user/register", &user.replace("MOBILE", "1234567"));
    assert_eq!(first.status, 200, "{first:?}");
    let deposit = r#"{"mobile":"1234567","amount":5,"transaction_id":"a"}"#;
    assert_eq!(partner("POST wallet/deposit", deposit).status, 200);
    let link = partner("POST auth/generate-url", r#"{"mobile":"1234567"}"#).body;
    let (_, token) = link.split_once("/auth/token/").unwrap();
    let link = format!("GET /auth/token/{}", token.split('"').next().unwrap());
    merchant.receive("upi", "UTR-1", "10.00");
    let withdrawal = r#"{"withdrawal_id":"1","payment_system":"upi","amount":5,"currency_code":"INR","label":"55","is_test":true,"account_name":"A"}"#;
    let withdrawal = signed_by(SHOP, withdrawal);
    let all = || {
        let register = user.replace("MOBILE", "7654321");
        let requisites = json!({ "currency": "INR", "label": "9" });
        let left = json!({ "label": "9", "transaction_custom_id": "left" });
        let urls = json!({
            "success_urls": [{ "order": 1, "url": "https://a.example.com/" }], "fail_urls": [],
        });
        let order = json!({ "orderId": "a", "txnAmount": "1" });
        [
            partner("POST user/register", &register).status,
            partner("POST wallet/deposit", &deposit.replace("\"a\"", "\"b\"")).status,
            partner("POST wallet/withdraw", &deposit.replace("\"a\"", "\"c\"")).status,
            partner("POST auth/generate-url", r#"{"mobile":"1234567"}"#).status,
            merchant.desk.ask("payment_links", order).0,
            merchant.desk.send(&link, "").status,
            merchant.activate("upi", "UTR-1", "55", json!({})).0,
            merchant.post("transaction/create/upi", &requisites).0,
            merchant.post("payment/save-transaction-custom-id", &left).0,
            merchant.post("payment-plugin/hash-url", &urls).0,
            merchant
                .desk
                .send("POST /v2/withdrawal/create", &withdrawal)
                .status,
        ]
    };
    let mut room = Room::over(server, 0);
    room.look(16 * MIB - 4096);
    let before = server.ledger.head();
    let turned_away = [500, 500, 500, 500, 500, 503, 503, 503, 503, 503, 503];
    assert_eq!(all(), turned_away);
    assert_eq!(server.ledger.head(), before);
    room.look(18 * MIB);
    assert_eq!(
        all(),
        [200, 200, 200, 200, 200, 302, 200, 200, 200, 200, 200]
    );
}

#[test]
fn below_the_second_mark_nothing_is_taken_until_there_is_room() {
    let server = Server::start();
    let (seen, plays) = (Seen(&server), Plays(CODE));
    let mut room = Room::over(&server, 0);
    assert_eq!(seen.result(&plays.bet(1, 500)), (1, Some(99_500)));
    let last = server.ledger.durable_seq();

    let noticed = room.look(8 * MIB - 4096);
    assert!(
        noticed.len() == 1 && noticed[0].contains("storage.free_stop"),
        "{noticed:?}"
    );
    for body in [
        plays.bet(2, 500),
        plays.win(3, 500),
        plays.cancel(1),
        plays.cancel(4),
    ] {
        seen.turns_away(&body);
    }
    assert_eq!(seen.result(&plays.credit()), (1, Some(99_500)));
    assert_eq!(seen.result(&plays.bet(1, 500)), (1, Some(99_500)));
    assert_eq!(
        seen.readiness(),
        (
            503,
            r#"{"ready":false,"reason":"the disk is full"}"#.to_owned()
        )
    );
    let player = PLAYER.parse().unwrap();
    let blocked = server.ledger.set_blocked(server.partner, &player, true);
    assert!(matches!(blocked, Err(OperatorError::Unavailable)));
    assert_eq!(
        server.ledger.durable_seq(),
        last,
        "nothing was taken down meanwhile"
    );

    assert_eq!(room.look(9 * MIB).len(), 1);
    assert_eq!(server.ledger.space(), Space::Low);
    assert_eq!(seen.result(&plays.cancel(1)), (1, Some(100_000)));
    seen.turns_away(&plays.bet(2, 500));
    assert_eq!(room.look(18 * MIB).len(), 1);
    assert_eq!(seen.result(&plays.bet(2, 500)), (1, Some(99_500)));
}

#[test]
fn the_reserve_is_taken_where_there_is_room_and_what_it_lacks_counts_as_taken() {
    let server = Server::start();
    let mut room = Room::over(&server, 4 * MIB);
    let held = |room: &Room| {
        let image = room.disk.image();
        image.get(RESERVE).map_or(0, |bytes| bytes.len() as u64)
    };
    assert_eq!(room.look(20 * MIB - 4096).len(), 1);
    assert_eq!((server.ledger.space(), held(&room)), (Space::Low, 0));
    let noticed = room.look(22 * MIB);
    assert_eq!((noticed.len(), held(&room)), (2, 4 * MIB), "{noticed:?}");
    assert_eq!(room.disk.free().unwrap(), 18 * MIB);
    assert_eq!(
        (server.ledger.space(), room.again().len()),
        (Space::Ample, 0)
    );
    // The machine fails: what was known holds, and it is told once.
    room.disk.plant(Fault {
        operation: Some(Operation::Look),
        after: 0,
        kind: std::io::ErrorKind::Other,
        lasting: true,
    });
    assert_eq!((room.again().len(), room.again().len()), (1, 0));
    assert_eq!(server.ledger.space(), Space::Ample);
}

#[test]
fn a_reserve_that_cannot_be_taken_is_told_once_and_tried_again() {
    let server = Server::start();
    let mut room = Room::over(&server, 4 * MIB);
    let fault = Fault {
        operation: Some(Operation::Allocate),
        after: 0,
        kind: std::io::ErrorKind::StorageFull,
        lasting: false,
    };
    room.disk.plant(fault);
    assert_eq!(room.look(100 * MIB).len(), 1);
    room.disk.plant(fault);
    assert_eq!(room.again(), [""; 0]);
    assert_eq!(room.again(), ["the reserve holds 4194304 bytes"]);
    assert_eq!(room.again(), [""; 0]);
}

/// Nothing more than `free` bytes can be taken.
fn leave(disk: &SimDisk, free: u64) {
    disk.set_capacity(u64::MAX);
    let taken = u64::MAX - disk.free().unwrap();
    disk.set_capacity(taken + free);
}

#[test]
fn a_start_that_the_full_disk_stops_gives_the_reserve_back() {
    for (name, starts) in [("ballast", false), (RESERVE, true)] {
        // A first start was interrupted before it made the journal.
        let disk = SimDisk::new();
        coffer::journal::secret_key(&disk, false, &[7; 32]).unwrap();
        disk.create(name).unwrap().allocate(4 * MIB).unwrap();
        leave(&disk, 0);
        let opened = open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, SEGMENT_SIZE);
        assert_eq!(opened.is_ok(), starts, "{name}: {:?}", opened.err());
        let left = disk.image()[name].len() as u64;
        assert_eq!(left, if starts { 0 } else { 4 * MIB }, "{name}");
    }
}

#[test]
fn a_journal_that_finds_no_room_loses_nothing_and_goes_on_when_there_is_some() {
    let seed = number("SIM_SEED", 6);
    let _replay = Replay(seed);
    let mut released = 0;
    for blocks in 0..40 {
        let mut world = World::new(seed + blocks, Seams::SOUND);
        let mut running = world.open().unwrap();
        assert!(world.play_on(&mut running, 30).unwrap());
        (world.disk.create(RESERVE).unwrap()).allocate(MIB).unwrap();
        leave(&world.disk, blocks * 4096);
        let mut played = 0;
        while world.play_on(&mut running, 10).unwrap() {
            played += 10;
            assert!(played < 5_000, "{blocks} blocks are never used up");
        }
        assert!(running.ledger.is_latched());
        drop(running);
        // Still full: everything answered is read back, from the reserve where it takes that.
        let running = world
            .open()
            .unwrap_or_else(|error| panic!("{blocks}: {error:?}"));
        world.check(&running).unwrap();
        released += usize::from(world.disk.image()[RESERVE].is_empty());
        drop(running);
        leave(&world.disk, 64 * MIB);
        let mut running = world.open().unwrap();
        world.check(&running).unwrap();
        assert!(world.play_on(&mut running, 50).unwrap());
    }
    println!("{released} of 40 starts took the reserve");
}
