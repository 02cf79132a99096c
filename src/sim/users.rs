//! What partners do in a workload: users registered, paid and drawn on, most of it well, much of it
//! twice, for nobody, or for somebody else's user.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use super::{Operation, Workload};
use crate::engine::command::{AccountName, NewTransfer, NewUser, PartnerChange};
use crate::engine::document::TransferKind;
use crate::engine::settings::{OnRepeat, SettingsChange};
use crate::id::{Mobile, PartnerNumber};
use crate::money::{Amount, Currency};

/// Users at most; more are seldom needed, and each is a player.
const USERS_MAX: usize = 400;

/// Transfers that are remembered for repetition.
const REMEMBERED: usize = 256;

/// The currency of every partner's own calls.
const CURRENCY: &str = "USD";

/// What the workload guesses of users.
#[derive(Default)]
pub(super) struct Users {
    known: Vec<(PartnerNumber, Mobile)>,
    /// The holder of each.
    wallets: BTreeMap<(PartnerNumber, Mobile), usize>,
    /// Numbers that are passed over.
    taken: BTreeSet<(PartnerNumber, u64)>,
    last: u64,
    sent: Vec<(PartnerNumber, NewTransfer)>,
    mobiles: u64,
}

impl Users {
    /// The number of one of a partner's users, the newest of whom is as good as any.
    pub(super) fn mobile_of(&self, partner: PartnerNumber) -> Option<Mobile> {
        let mut known = self.known.iter().rev();
        let found = known.find(|(of, _)| *of == partner);
        found.map(|(_, mobile)| mobile.clone())
    }

    /// The user that came last.
    pub(super) fn newest(&self) -> (PartnerNumber, Mobile) {
        self.known.last().expect("somebody was registered").clone()
    }
}

impl Workload {
    /// One call, or what makes the next one worth a look.
    pub(super) fn call_of_a_partner(&mut self) {
        let way = self.random.random_range(0..24);
        if self.users.known.is_empty() {
            return self.register_user(false);
        }
        match way {
            0..2 => self.register_user(false),
            // A number that is known: another partner's, or the same one's again.
            2..4 => self.register_user(true),
            4 => self.stand_in_the_way(),
            5..12 => self.transfer(TransferKind::Deposit),
            12..17 => self.transfer(TransferKind::Withdrawal),
            17..21 => self.repeat_transfer(),
            21 if self.chance(2) => self.set_on_repeat(),
            21 => self.transfer_astray(),
            22 => self.transfer_too_much(),
            _ => self.transfer_for_another(),
        }
    }

    fn partner(&mut self) -> PartnerNumber {
        PartnerNumber(self.random.random_range(1..=4))
    }

    fn user(&mut self) -> (PartnerNumber, Mobile) {
        let place = self.index(self.users.known.len());
        self.users.known[place].clone()
    }

    fn fresh_mobile(&mut self) -> Mobile {
        self.users.mobiles += 1;
        let number = format!("{:09}", self.users.mobiles);
        number.parse().expect("nine digits are a mobile number")
    }

    pub(super) fn register_user(&mut self, known: bool) {
        let partner = self.partner();
        let mobile = if known || self.users.known.len() >= USERS_MAX {
            self.user().1
        } else {
            self.fresh_mobile()
        };
        let new = NewUser {
            name: "Simulated".parse().expect("a name"),
            email: "simulated@example.com".parse().expect("an address"),
            mobile: mobile.clone(),
        };
        self.queue.push_back(Operation::Register { partner, new });
        let key = (partner, mobile);
        if self.users.wallets.contains_key(&key) {
            return;
        }
        let mut number = self.users.last.max(100) + 1;
        while self.users.taken.contains(&(partner, number)) {
            number += 1;
        }
        self.users.last = number;
        let name = wallet(partner, number);
        let holder = self.seat_holder(name, 0);
        self.users.wallets.insert(key.clone(), holder);
        self.users.known.push(key);
    }

    /// A player gets the name that one of the next users would have.
    fn stand_in_the_way(&mut self) {
        let partner = self.partner();
        let ahead = self.random.random_range(1..4);
        let number = self.users.last.max(100) + ahead;
        if self.users.taken.insert((partner, number)) {
            self.queue.push_back(Operation::CreatePlayer {
                account: wallet(partner, number),
                balance: Amount::ZERO,
            });
        }
    }

    /// Whether a partner gets the first answer again.
    fn set_on_repeat(&mut self) {
        let (partner, replays) = (self.partner(), self.chance(2));
        let on_repeat = match replays {
            true => OnRepeat::Replay,
            false => OnRepeat::Refuse,
        };
        let settings = SettingsChange {
            on_repeat: Some(on_repeat),
            ..SettingsChange::default()
        };
        let change = PartnerChange {
            settings,
            ..PartnerChange::default()
        };
        self.queue
            .push_back(Operation::ChangePartner(partner, change));
    }

    fn transfer(&mut self, kind: TransferKind) {
        let (partner, mobile) = self.user();
        let cents = self.random.random_range(1..=30_000);
        self.send_transfer(partner, kind, mobile, cents);
    }

    /// For a number that nobody has.
    fn transfer_astray(&mut self) {
        let partner = self.partner();
        let mobile = "999999999999".parse().expect("a mobile number");
        self.send_transfer(partner, TransferKind::Deposit, mobile, 1);
    }

    fn transfer_too_much(&mut self) {
        let (partner, mobile) = self.user();
        let kind = match self.chance(2) {
            true => TransferKind::Deposit,
            false => TransferKind::Withdrawal,
        };
        let most = Amount::MAX.cents();
        self.send_transfer(partner, kind, mobile, most);
    }

    /// For a number of another partner's user, which may be its own as well.
    fn transfer_for_another(&mut self) {
        let (partner, mobile) = (self.partner(), self.user().1);
        self.send_transfer(partner, TransferKind::Deposit, mobile, 100);
    }

    pub(super) fn send_transfer(
        &mut self,
        partner: PartnerNumber,
        kind: TransferKind,
        mobile: Mobile,
        cents: u64,
    ) {
        let new = NewTransfer {
            kind,
            mobile,
            amount: Amount::from_cents(cents).expect("below the limit"),
            id: self.word().parse().expect("a word is an id"),
        };
        let wallet = (partner, new.mobile.clone());
        if kind == TransferKind::Deposit
            && let Some(&holder) = self.users.wallets.get(&wallet)
        {
            self.holders[holder].purse += i128::from(cents);
        }
        if self.users.sent.len() < REMEMBERED {
            self.users.sent.push((partner, new.clone()));
        } else {
            let place = self.index(REMEMBERED);
            self.users.sent[place] = (partner, new.clone());
        }
        self.queue.push_back(Operation::Transfer { partner, new });
    }

    /// Sends a remembered transfer again, word for word or for something else.
    fn repeat_transfer(&mut self) {
        if self.users.sent.is_empty() {
            return;
        }
        let place = self.index(self.users.sent.len());
        let (mut partner, mut new) = self.users.sent[place].clone();
        match self.random.random_range(0..8) {
            0 => {
                new.kind = match new.kind {
                    TransferKind::Deposit => TransferKind::Withdrawal,
                    TransferKind::Withdrawal => TransferKind::Deposit,
                }
            }
            1 => new.amount = Amount::from_cents(new.amount.cents() ^ 1).expect("a cent beside"),
            2 => new.mobile = self.user().1,
            3 => partner = self.partner(),
            _ => {}
        }
        // A transfer of nothing is none.
        if new.amount.is_zero() {
            return;
        }
        self.queue.push_back(Operation::Transfer { partner, new });
    }
}

fn wallet(partner: PartnerNumber, number: u64) -> AccountName {
    let currency: Currency = CURRENCY.parse().expect("a currency");
    let player_id = format!("usr-{number}");
    AccountName {
        partner,
        player_id: player_id.parse().expect("a player's name"),
        currency,
    }
}
