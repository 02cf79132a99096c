//! One transaction id, one balance, or one link into a game, from 16 connections at once
//! (partner-api.md, Users and Wallet): whatever comes first, exactly so much happens as may, everybody is told so, and the books
//! balance.

use std::collections::BTreeMap;
use std::sync::Barrier;

use coffer::engine::command::{NewPartner, NewSession, NewUser};
use coffer::engine::settings::{OnRepeat, PartnerSettings};
use coffer::id::{Lang, PartnerNumber};
use coffer::ledger::Ledger;
use coffer::sim::sample;
use coffer::time::Span;
use serde_json::Value;

use crate::on_disk::OnDisk;
use crate::support::{Client, account, partner_request, secrets, wallet_request};
use crate::wire::InProcess;
use crate::world::{clock, number};

pub(crate) const CONNECTIONS: usize = 16;

/// The partners: one that refuses a repetition, and one that gets the first answer again.
const REFUSES: &str = "refuses";
const REPLAYS: &str = "replays";

/// The users of each partner.
const MOBILES: [&str; 2] = ["1234567", "7654321"];

/// The first user's session at a game.
const CODE: &str = "race";

fn open_world(ledger: &Ledger) {
    for (token, on_repeat) in [(REFUSES, OnRepeat::Refuse), (REPLAYS, OnRepeat::Replay)] {
        let new = NewPartner {
            settings: PartnerSettings {
                on_repeat,
                default_game: Some("mine".parse().unwrap()),
                ..PartnerSettings::default()
            },
            ..sample::partner(token, "USD".parse().unwrap())
        };
        let partner = ledger.create_partner(new, secrets(token)).unwrap().value;
        for mobile in MOBILES {
            let user = NewUser {
                name: "Racer".parse().unwrap(),
                email: "racer@example.com".parse().unwrap(),
                mobile: mobile.parse().unwrap(),
            };
            ledger.register_user(&partner, &user).unwrap();
        }
    }
    let session = NewSession {
        account: account(PartnerNumber(1), "usr-101", "USD"),
        code: CODE.parse().unwrap(),
        game: None,
        lang: Lang::EN,
        ttl: Span::from_seconds(86_400),
    };
    ledger.open_session(session).unwrap();
}

/// What was asked for, and what was heard: the status and the body.
type Heard = (u16, String);

/// Those who ask at once.
struct Field {
    clients: Vec<Client>,
}

impl Field {
    /// Sends what `asks` gives for each connection, all at once; the answers in their order.
    fn race(&mut self, asks: impl Fn(usize) -> Vec<u8> + Sync) -> Vec<Heard> {
        let ready = Barrier::new(self.clients.len());
        std::thread::scope(|scope| {
            let racing = self.clients.iter_mut().enumerate().map(|(place, client)| {
                let (ready, asks) = (&ready, &asks);
                scope.spawn(move || {
                    let request = asks(place);
                    ready.wait();
                    let answer = client.ask(&request);
                    (answer.status, answer.body)
                })
            });
            let racing: Vec<_> = racing.collect();
            racing.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }
}

fn transfer(token: &str, call: &str, mobile: &str, amount: &str, id: &str) -> Vec<u8> {
    let line = format!("POST /v2/partner/wallet/{call}");
    let body = format!(r#"{{"mobile":"{mobile}","amount":{amount},"transaction_id":"{id}"}}"#);
    partner_request(token, &line, &body)
}

/// How often each status was heard.
fn statuses(heard: &[Heard]) -> Vec<(u16, usize)> {
    let mut counts = BTreeMap::new();
    for (status, _) in heard {
        *counts.entry(*status).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

struct Race<'a> {
    field: &'a mut Field,
    ledger: &'a Ledger,
    id: u64,
}

impl Race<'_> {
    /// The balance of a user of the partner `token`, in cents.
    fn balance(&self, partner: u32, mobile: &str) -> u64 {
        let partner = self.ledger.partner(PartnerNumber(partner)).unwrap().value;
        let balance = self.ledger.user_balance(&partner, &mobile.parse().unwrap());
        balance.unwrap().value.cents()
    }

    /// One deposit 16 times: one is made, the others hear that the id was used.
    fn same_deposit(&mut self) {
        let (before, id) = (self.balance(1, MOBILES[0]), format!("same {}", self.id));
        let heard = (self.field).race(|_| transfer(REFUSES, "deposit", MOBILES[0], "0.03", &id));
        assert_eq!(statuses(&heard), [(200, 1), (422, CONNECTIONS - 1)], "{id}");
        assert_eq!(self.balance(1, MOBILES[0]), before + 3);
    }

    /// The same where the first answer is given again: all hear one answer.
    fn same_deposit_replayed(&mut self) {
        let (before, id) = (self.balance(2, MOBILES[0]), format!("again {}", self.id));
        let heard = (self.field).race(|_| transfer(REPLAYS, "deposit", MOBILES[0], "0.03", &id));
        assert_eq!(statuses(&heard), [(200, CONNECTIONS)], "{id}");
        assert!(heard.iter().all(|one| *one == heard[0]), "{heard:?}");
        assert_eq!(self.balance(2, MOBILES[0]), before + 3);
    }

    /// Both kinds, two users and many amounts under one id: one of them is made.
    fn other_content(&mut self) {
        let before = MOBILES.map(|mobile| self.balance(1, mobile));
        let id = format!("other {}", self.id);
        let amount = |place: usize| place as u64 % 3 + 1;
        let heard = self.field.race(|place| {
            let call = ["deposit", "withdraw"][place % 2];
            let (mobile, amount) = (MOBILES[place / 2 % 2], format!("0.0{}", amount(place)));
            transfer(REFUSES, call, mobile, &amount, &id)
        });
        assert_eq!(statuses(&heard), [(200, 1), (422, CONNECTIONS - 1)], "{id}");
        let winner = heard.iter().position(|one| one.0 == 200).unwrap();
        let after = MOBILES.map(|mobile| self.balance(1, mobile));
        let mut due = before;
        let wallet = &mut due[winner / 2 % 2];
        *wallet = match winner % 2 {
            0 => *wallet + amount(winner),
            _ => *wallet - amount(winner),
        };
        assert_eq!(after, due, "{id}");
    }

    /// Withdrawals and bets of one balance: as many as it pays for, and no more.
    fn one_balance(&mut self) {
        let before = self.balance(1, MOBILES[0]);
        let (share, game) = (before / 5, self.id);
        let amount = format!("{}.{:02}", share / 100, share % 100);
        let heard = self.field.race(|place| match place % 2 {
            0 => transfer(
                REFUSES,
                "withdraw",
                MOBILES[0],
                &amount,
                &format!("w {game} {place}"),
            ),
            _ => {
                let id = game * 100 + place as u64;
                let bet =
                    format!(r#"{{"type":"bet","code":"{CODE}","game":1,"id":{id},"bet":{share}}}"#);
                wallet_request(REFUSES, &bet)
            }
        });
        let taken = |(place, (status, body)): (usize, &Heard)| match place % 2 {
            0 => *status == 200,
            _ => body.contains(r#""result":1,"#),
        };
        let refused = |(place, (status, body)): (usize, &Heard)| match place % 2 {
            0 => *status == 400 && body.contains("Insufficient funds for withdrawal"),
            _ => body.contains(r#""err_code":4,"#),
        };
        let count = heard.iter().enumerate().filter(|one| taken(*one)).count();
        let others = heard.iter().enumerate().filter(|one| refused(*one)).count();
        assert_eq!((count, others), (5, CONNECTIONS - 5), "{heard:?}");
        assert_eq!(self.balance(1, MOBILES[0]), before - 5 * share);
    }

    /// One mobile number 16 times: one user.
    fn same_registration(&mut self) {
        let mobile = 20_000_000 + self.id;
        let body = format!(r#"{{"name":"R","email":"r@example.com","mobile":"{mobile}"}}"#);
        let line = "POST /v2/partner/user/register";
        let heard = self.field.race(|place| {
            let token = [REFUSES, REPLAYS][place % 2];
            partner_request(token, line, &body)
        });
        assert_eq!(
            statuses(&heard),
            [(200, 2), (409, CONNECTIONS - 2)],
            "{mobile}"
        );
    }

    /// One link followed 16 times: one is led on, by one entry, and the others hear that it was
    /// used.
    fn one_link(&mut self) {
        let line = "POST /v2/partner/auth/generate-url";
        let body = format!(r#"{{"mobile":"{}"}}"#, MOBILES[self.id as usize % 2]);
        let made = self.field.clients[0].ask(&partner_request(REFUSES, line, &body));
        assert_eq!(made.status, 200, "{made:?}");
        let made: Value = serde_json::from_str(&made.body).unwrap();
        let path = made["authUrl"].as_str().unwrap();
        let path = path.strip_prefix("http://coffer.test").unwrap();
        let before = self.ledger.head().seq;
        let follow = format!("GET {path} HTTP/1.1\r\nHost: coffer.test\r\n\r\n");
        let heard = self.field.race(|_| follow.clone().into_bytes());
        assert_eq!(statuses(&heard), [(302, 1), (410, CONNECTIONS - 1)]);
        assert_eq!(self.ledger.head().seq, before.next());
    }
}

#[test]
fn one_transaction_id_one_balance_and_one_link_from_16_connections_have_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let books = OnDisk::on_directory(folder.path(), clock());
    open_world(&books.ledger);
    let server = InProcess::over(books.ledger.clone(), clock());
    let clients = (0..CONNECTIONS).map(|_| Client::connect(server.public));
    let mut field = Field {
        clients: clients.collect(),
    };
    let start = transfer(REFUSES, "deposit", MOBILES[1], "1000.00", "start");
    assert_eq!(field.clients[0].ask(&start).status, 200);
    for id in 1..=number("SIM_PARTNER_RACES", 150) {
        let more = transfer(REFUSES, "deposit", MOBILES[0], "10", &format!("more {id}"));
        assert_eq!(field.clients[0].ask(&more).status, 200);
        let mut race = Race {
            field: &mut field,
            ledger: &books.ledger,
            id,
        };
        race.same_deposit();
        race.same_deposit_replayed();
        race.other_content();
        race.one_balance();
        race.same_registration();
        race.one_link();
    }
    let book = books.ledger.trial_balance(false).unwrap().value;
    assert!(book.currencies.values().all(|book| book.sum.is_zero()));
    drop(field);
    drop(server);
    books.close();
}
