//! Pages that merchants' deposits are paid on, and what payers are given to pay to, in a workload:
//! asked for, asked for again or otherwise, named on in time, too late, twice, or with a number that
//! is somebody's.

use std::collections::VecDeque;

use rand::RngExt;

use super::deposits::{Asked, SAVING};
use super::{DepositOperation, Operation, Workload};
use crate::engine::deposit::Way;
use crate::engine::hosted::NewHosted;
use crate::id::{Lang, PartnerNumber, PaymentReference, WalletType};
use crate::money::{Amount, Currency};
use crate::time::Span;

/// Pages that are remembered.
const REMEMBERED: usize = 12;

/// Seconds that a page waits for its number.
pub const PAGE_LIFE: u32 = 1800;

/// What is paid to in each payment system that has pages.
pub const REQUISITES: [(&str, &[&str]); 4] = [
    (SAVING, &["s-1", "s-2", "s-3"]),
    ("bkash", &["b-1", "b-2"]),
    (BY_HAND, &["c-1", "c-2"]),
    ("nagad", &[]),
];

/// The one of them whose deposits operators decide.
pub const BY_HAND: &str = "cash";

/// What is asked for on a page, and by whom.
#[derive(Clone, Debug)]
pub struct NewPage {
    /// The merchant.
    pub partner: PartnerNumber,
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// What.
    pub new: NewHosted,
}

/// A page as it was asked for, and the number that its payer gets.
#[derive(Clone)]
pub(super) struct Page {
    wanted: NewPage,
    key1: PaymentReference,
}

/// What the workload remembers of pages.
pub(super) type Pages = VecDeque<Page>;

impl Workload {
    /// One thing that a merchant or a payer does about a page, or about what is paid to.
    pub(super) fn page_something(&mut self) {
        let Some(last) = self.deposits.pages.len().checked_sub(1) else {
            return self.pay_on_a_page();
        };
        let place = self.random.random_range(0..=last);
        match self.random.random_range(0..12) {
            0..6 => self.pay_on_a_page(),
            6..8 => self.page_again(place),
            8..10 => self.name_on(place),
            _ => self.ask_what_to_pay_to(),
        }
    }

    fn new_page(&mut self) -> (Page, Asked) {
        let system = self.index(REQUISITES.len() + 2);
        let wallet_type = REQUISITES.get(system).map_or(SAVING, |(name, _)| name);
        let mut asked = self.new_deposit();
        let amount = Amount::from_cents(asked.cents).expect("below the limit");
        let (new, is_by_hand) = (&mut asked.new, wallet_type == BY_HAND);
        new.wallet_type = wallet_type.parse().expect("a wallet type");
        new.amount = Some(amount);
        new.way = match is_by_hand {
            true => Way::Hand { screenshot: None },
            false => Way::Code,
        };
        let wanted = NewPage {
            partner: asked.partner,
            wallet_type: new.wallet_type,
            currency: new.currency,
            new: NewHosted {
                reference: new.reference.clone(),
                label: new.label.clone(),
                amount,
                custom_transaction_id: new.custom_transaction_id.clone(),
                language: Lang::EN,
                bank: "MBB".parse().expect("a bank"),
                redirect_url: "https://shop.example.com/paid".parse().expect("an address"),
            },
        };
        let key1 = new.key1.clone();
        (Page { wanted, key1 }, asked)
    }

    fn make_page(&mut self, page: &Page) {
        if self.deposits.pages.len() == REMEMBERED {
            self.deposits.pages.pop_front();
        }
        self.deposits.pages.push_back(page.clone());
        self.deposit(DepositOperation::Page(page.wanted.clone()));
    }

    fn name(&mut self, page: &Page) {
        self.deposit(DepositOperation::NameNumber {
            reference: page.wanted.new.reference.clone(),
            key1: page.key1.clone(),
        });
    }

    /// Mostly it is named there, and the bank tells of it, in one order or the other.
    fn pay_on_a_page(&mut self) {
        let (mut page, asked) = self.new_page();
        if self.chance(6) {
            let id = self.custom_id();
            let (partner, label) = (asked.partner, asked.new.label.clone());
            self.deposit(DepositOperation::LeaveId { partner, label, id });
            page.wanted.new.custom_transaction_id = None;
        }
        self.make_page(&page);
        self.remember(&asked);
        if self.shape.alone && self.chance(12) {
            self.seconds += u64::from(PAGE_LIFE);
            let span = Span::from_seconds(PAGE_LIFE);
            self.queue.push_back(Operation::Advance(span));
        }
        match self.random.random_range(0..8) {
            // An operator may still say no, and nothing else.
            0 => self.deposit(DepositOperation::Approve(asked.new.reference)),
            1 => self.deposit(DepositOperation::Reject(asked.new.reference)),
            2 => {}
            _ => self.say_and_pay(&asked, |workload| workload.name(&page)),
        }
    }

    /// The same page asked for again, or another one under its name.
    fn page_again(&mut self, place: usize) {
        let mut page = self.deposits.pages[place].clone();
        let wanted = &mut page.wanted;
        match self.random.random_range(0..8) {
            0 => wanted.new.label = self.label(),
            1 => wanted.partner = PartnerNumber(wanted.partner.0 % 4 + 1),
            2 => wanted.new.custom_transaction_id = None,
            3 => wanted.new.amount = Amount::from_cents(1_000).expect("below the limit"),
            4 => wanted.new.bank = "BBM".parse().expect("a bank"),
            _ => {}
        }
        wanted.new.reference = self.deposit_reference();
        self.make_page(&page);
    }

    /// A number is named on a page that may have one: its own, another one, or somebody's.
    fn name_on(&mut self, place: usize) {
        let mut page = self.deposits.pages[place].clone();
        match self.random.random_range(0..4) {
            0 => page.key1 = self.word().parse().expect("a word is a number"),
            1 => page.key1 = self.any_number(),
            _ => {}
        }
        self.name(&page);
    }

    /// Mostly its payer pays, too.
    fn ask_what_to_pay_to(&mut self) {
        let (page, mut asked) = self.new_page();
        let NewPage {
            partner,
            wallet_type,
            currency,
            new,
        } = page.wanted;
        let label = new.label;
        self.deposit(DepositOperation::Requisites {
            partner,
            label,
            wallet_type,
            currency,
        });
        if self.chance(2) {
            asked.new.custom_transaction_id = Some(self.custom_id());
            self.activate(&asked);
            self.receive_deposit(&asked);
        }
    }
}

/// What is paid to in a payment system.
pub fn requisites_of(wallet_type: &str) -> &'static [&'static str] {
    let mut systems = REQUISITES.iter();
    let of = systems.find(|(name, _)| *name == wallet_type);
    of.map_or(&[], |(_, requisites)| requisites)
}

#[cfg(test)]
mod tests {
    use super::super::seen::{SHAPE, assert_often, named};
    use super::super::{Expected, Shape};

    #[test]
    fn whatever_may_come_of_a_page_comes_up() {
        let shape = Shape {
            merchants: true,
            ..SHAPE
        };
        let (model, seen) = named(shape, 60_000, |came| match came {
            Expected::Deposited(_, state) => Some(state.to_owned()),
            Expected::NotDeposited(refusal) => Some(format!("{refusal:?}")),
            Expected::Given(identifier) => Some(identifier),
            _ => None,
        });
        let due = [
            ("open", 100),
            ("expired", 5),
            ("Key1Missing", 5),
            ("Key1Named", 5),
            ("PageExpired", 5),
            ("Rejected", 5),
            ("NoRequisites", 20),
            ("CustomIdUsed", 5),
            ("CustomIdMissing", 5),
            ("s-1", 5),
            ("s-2", 5),
            ("s-3", 5),
            ("b-2", 5),
        ];
        assert_often(&seen, &due);
        let credited =
            |of: &&super::super::model::Deposited| of.page.is_some() && of.told.is_some();
        let paid = model.deposits().map(|(_, of)| of).filter(credited).count();
        assert!(paid > 100, "{paid} pages were paid on");
    }
}
