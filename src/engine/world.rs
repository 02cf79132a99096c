//! A small world for the engine's own tests: one partner, two players, their holdings and ids.

use std::collections::HashMap;
use std::sync::Arc;

use super::command::{AccountName, CancelOf, NewSession, Rules, Transaction};
use super::document::{Partner, PartnerSecrets};
use super::entry::{Body, Entry, Record};
use super::holdings::{Holdings, PlayerRow};
use super::ids::{IdKey, IdRow};
use super::operate;
use super::play::{Table, Verdict};
use super::rotation::FormerSecrets;
use super::round::RoundKey;
use super::settings::PartnerSettings;
use crate::id::{
    AccountNumber, GameNumber, IdSpaceNumber, Lang, PartnerNumber, RoundId, Seq, SessionNumber,
    TransactionId,
};
use crate::money::Amount;
use crate::secret::{Secret, SecretKey};
use crate::time::{Span, Timestamp};

pub(super) const ANN: SessionNumber = SessionNumber(1);
pub(super) const BEN: SessionNumber = SessionNumber(2);

pub(super) struct World {
    pub(super) holdings: Holdings,
    pub(super) ids: HashMap<IdKey, IdRow>,
    pub(super) rules: Rules,
    pub(super) partner: Partner,
    pub(super) seq: Seq,
    pub(super) now: Timestamp,
}

pub(super) fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).unwrap()
}

pub(super) fn play(id: u64, amount: u64, round: Option<u64>) -> Transaction {
    let (id, round) = (TransactionId(id), round.map(RoundId));
    Transaction {
        id,
        round,
        game: GameNumber(1012),
        amount: cents(amount),
    }
}

impl World {
    /// Ann and Ben with 1000 cents each and a session of an hour.
    pub(super) fn new() -> World {
        let partner = some_partner();
        let (holdings, ids, now) = (
            Holdings::default(),
            HashMap::new(),
            Timestamp::from_micros(1_000_000),
        );
        let rules = Rules {
            bet_max: Some(cents(5000)),
            ..Rules::default()
        };
        let mut world = World {
            holdings,
            ids,
            rules,
            partner,
            seq: Seq::NONE,
            now,
        };
        for (name, session) in [("ann", ANN), ("ben", BEN)] {
            let account = account_name(name);
            let number = AccountNumber(session.0);
            let record = operate::decide_player(
                world.player(name),
                &account,
                IdSpaceNumber(0),
                number,
                cents(1000),
            );
            world.take(number, Body::Record(Arc::new(record.unwrap())));
            let new = NewSession {
                account,
                code: name.parse().unwrap(),
                game: None,
                lang: Lang::EN,
                ttl: Span::from_seconds(3600),
            };
            let numbers = (session, AccountNumber(99));
            let opened = operate::decide_session(
                world.player(name),
                &world.partner,
                new,
                numbers,
                world.now,
            );
            world.take(number, Body::Record(Arc::new(opened.unwrap().0)));
        }
        world
    }

    pub(super) fn bet(&mut self, session: SessionNumber, bet: Transaction) -> Verdict {
        let rules = self.rules;
        self.judge(session, (bet.id, bet.round), |table| {
            table.decide_bet(&bet, &rules)
        })
    }

    pub(super) fn win(&mut self, session: SessionNumber, win: Transaction) -> Verdict {
        self.judge(session, (win.id, win.round), |table| table.decide_win(&win))
    }

    pub(super) fn cancel(
        &mut self,
        session: SessionNumber,
        id: u64,
        round: Option<u64>,
    ) -> Verdict {
        let (of, rules) = (
            CancelOf {
                id: TransactionId(id),
                round: round.map(RoundId),
            },
            self.rules,
        );
        let bet = self.ids.get(&self.key(of.id));
        let round = bet.and_then(|bet| bet.round);
        self.judge(session, (of.id, round), |table| {
            table.decide_cancel(&of, &rules)
        })
    }

    /// Takes down a record about Ann.
    pub(super) fn operate(&mut self, record: Record) {
        self.take(AccountNumber(ANN.0), Body::Record(Arc::new(record)));
    }

    /// Ann or Ben.
    pub(super) fn player(&self, name: &str) -> Option<&PlayerRow> {
        let home = if name == "ann" { ANN.0 } else { BEN.0 };
        self.holdings.players.row(&AccountNumber(home))
    }

    pub(super) fn balance(&self, session: SessionNumber) -> u64 {
        let home = AccountNumber(session.0);
        let player = self.holdings.players.row(&home).unwrap();
        player.account(home).unwrap().balance.cents()
    }

    fn key(&self, id: TransactionId) -> IdKey {
        IdKey {
            space: IdSpaceNumber(0),
            currency: self.partner.currency,
            id,
        }
    }

    fn judge(
        &mut self,
        session: SessionNumber,
        (id, round): (TransactionId, Option<RoundId>),
        decide: impl FnOnce(&Table<'_>) -> Verdict,
    ) -> Verdict {
        let account = AccountNumber(session.0);
        let row = self.ids.get(&self.key(id));
        let round = round.map(|round| RoundKey { account, round });
        let round = round.and_then(|key| self.holdings.rounds.row(&key));
        let live = self.partner.is_live(self.now);
        let player = self.holdings.players.row(&account).unwrap();
        let session = self.holdings.session(account, session).unwrap();
        let table = Table::new(player, session, (row, round), live, self.now);
        let verdict = decide(&table.unwrap());
        if let Verdict::Accepted(body) = &verdict {
            self.take(account, body.clone());
        }
        verdict
    }

    fn take(&mut self, home: AccountNumber, body: Body) {
        self.seq = self.seq.next();
        let entry = Entry {
            seq: self.seq,
            at: self.now,
            body,
        };
        if let Some((_, id)) = entry.body.id() {
            let key = self.key(id);
            let row = IdRow::apply(self.ids.get(&key), &entry).unwrap();
            self.ids.insert(key, row);
        }
        self.holdings.apply(home, &entry);
    }
}

pub(super) fn account_name(player: &str) -> AccountName {
    let (partner, currency) = (PartnerNumber(1), "USD".parse().unwrap());
    AccountName {
        partner,
        player_id: player.parse().unwrap(),
        currency,
    }
}

fn some_partner() -> Partner {
    let key = SecretKey::new(&[7; 32]);
    let secret = Secret::random();
    let secrets = PartnerSecrets {
        api_key: "key".into(),
        api_secret: key.hash(&secret),
        payment_token: key.hash(&secret),
        pluginapi_secret: key.hash(&secret),
        access_key: key.seal(&secret),
        private_key: key.seal(&secret),
        former: FormerSecrets::default(),
    };
    Partner {
        number: PartnerNumber(1),
        name: "Games".parse().unwrap(),
        currency: "USD".parse().unwrap(),
        wallet_token: "token".parse().unwrap(),
        id_space: IdSpaceNumber(0),
        id_space_name: "default".parse().unwrap(),
        disabled: false,
        expires_at: None,
        game_server_addresses: Vec::new(),
        settings: PartnerSettings::default(),
        created_at: Timestamp::EPOCH,
        secrets,
    }
}
