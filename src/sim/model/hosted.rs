//! The naive model's reading of paykassma-api.md, `payment/create` and `transaction/create`.

use std::collections::BTreeMap;

use super::super::hosted::{BY_HAND, NewPage, PAGE_LIFE, requisites_of};
use super::deposits::{Deposited, Fate, Pile, refused};
use super::{Expected, Model};
use crate::engine::activation::NewDeposit;
use crate::engine::deposit::Way;
use crate::engine::refusal::DepositRefusal;
use crate::id::{DepositReference, Label, PartnerNumber, PaymentReference, WalletType};
use crate::money::Currency;
use crate::time::{Span, Timestamp};

/// What a page was asked for as, and what it says to pay to.
#[derive(Clone, Debug)]
pub struct Page {
    wanted: NewPage,
    /// What is paid to.
    pub identifier: String,
}

/// What was given to pay to.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosted {
    /// "the same label keeps its requisites while its deposit is open"
    given: BTreeMap<Pile, (String, Option<DepositReference>)>,
    /// "taken in turn from the payment system's list"
    turns: BTreeMap<(WalletType, Currency), usize>,
    /// The last page of a label that took a name that was left.
    by_left_name: BTreeMap<(PartnerNumber, Label), DepositReference>,
}

impl Model {
    pub(super) fn make_page(&mut self, page: &NewPage, now: Timestamp) -> Expected {
        let (partner, new) = (page.partner, &page.new);
        let by = (partner, new.label.clone());
        let own = new.custom_transaction_id.as_ref();
        let name = own.or(self.deposits.left.get(&by)).cloned();
        let before = match &name {
            Some(name) => self.deposits.names.get(&(partner, name.clone())),
            None => self.hosted.by_left_name.get(&by),
        };
        let before = before.cloned();
        // "Exact repetition of payment/create gives the same URL."
        let same = before.as_ref().filter(|of| self.is_same_page(of, page));
        if let Some(reference) = same {
            return self.told_deposit(reference, now);
        }
        let Some(name) = name else {
            return refused(DepositRefusal::CustomIdMissing);
        };
        if before.is_some() {
            return refused(DepositRefusal::CustomIdUsed);
        }
        let of = (partner, new.label.clone(), page.wallet_type, page.currency);
        let Some((identifier, _)) = self.give(&of, now) else {
            return refused(DepositRefusal::NoRequisites);
        };
        let reference = new.reference.clone();
        if own.is_none() {
            self.deposits.left.remove(&by);
            self.hosted.by_left_name.insert(by, reference.clone());
        }
        self.deposits
            .names
            .insert((partner, name.clone()), reference.clone());
        let given = (identifier.clone(), Some(reference.clone()));
        self.hosted.given.insert(of, given);
        let deposited = Deposited {
            partner,
            wallet_type: page.wallet_type,
            currency: page.currency,
            label: new.label.clone(),
            amount: Some(new.amount),
            key1: None,
            name,
            name_was_left: own.is_none(),
            page: Some(Page {
                wanted: page.clone(),
                identifier,
            }),
            got: None,
            lacks_payment: false,
            told: None,
            expires_at: now.plus(Span::from_seconds(PAGE_LIFE)),
            fate: Fate::Open,
        };
        self.deposits.known.insert(reference.clone(), deposited);
        self.taken += 1;
        self.told_deposit(&reference, now)
    }

    fn is_same_page(&self, reference: &DepositReference, wanted: &NewPage) -> bool {
        let before = &self.deposits.known[reference];
        let Some(page) = &before.page else {
            return false;
        };
        let mut again = wanted.clone();
        again.new.reference = reference.clone();
        // Its name is the one that led here, its own or left.
        let name = &page.wanted.new.custom_transaction_id;
        again.new.custom_transaction_id.is_none() == name.is_none()
            && (again.partner, again.wallet_type, again.currency)
                == (before.partner, before.wallet_type, before.currency)
            && again.new == page.wanted.new
    }

    /// A payer names a number on a page.
    pub(super) fn name_number(
        &mut self,
        reference: &DepositReference,
        key1: &PaymentReference,
        now: Timestamp,
    ) -> Expected {
        let Some(deposit) = self.deposits.known.get(reference) else {
            return refused(DepositRefusal::Unknown);
        };
        let (partner, is_by_hand) = (deposit.partner, deposit.wallet_type.as_str() == BY_HAND);
        let new = NewDeposit {
            reference: reference.clone(),
            wallet_type: deposit.wallet_type,
            currency: deposit.currency,
            label: deposit.label.clone(),
            key1: key1.clone(),
            amount: deposit.amount,
            custom_transaction_id: Some(deposit.name.clone()),
            way: match is_by_hand {
                true => Way::Hand { screenshot: None },
                false => Way::Code,
            },
        };
        self.activate(partner, &new, now)
    }

    /// Why a page takes no number.
    pub(super) fn takes_no_number(
        &self,
        reference: &DepositReference,
        now: Timestamp,
    ) -> Option<DepositRefusal> {
        let deposit = &self.deposits.known[reference];
        match (&deposit.key1, deposit.state(now)) {
            (Some(_), _) => Some(DepositRefusal::Key1Named),
            (None, "expired") => Some(DepositRefusal::PageExpired),
            (None, "rejected") => Some(DepositRefusal::Rejected),
            (None, _) => None,
        }
    }

    /// What a label pays to, and whether that is new.
    fn give(&mut self, of: &Pile, now: Timestamp) -> Option<(String, bool)> {
        if let Some((identifier, deposit)) = self.hosted.given.get(of) {
            let state = |of: &DepositReference| self.deposits.known[of].state(now);
            let state = deposit.as_ref().map_or("open", state);
            if matches!(state, "open" | "possible" | "waiting") {
                return Some((identifier.clone(), false));
            }
        }
        let offered = requisites_of(of.2.as_str());
        let turn = self.hosted.turns.entry((of.2, of.3)).or_default();
        let next = offered.get(turn.checked_rem(offered.len())?)?;
        *turn += 1;
        self.hosted
            .given
            .insert(of.clone(), ((*next).to_owned(), None));
        Some(((*next).to_owned(), true))
    }

    pub(super) fn requisites(&mut self, of: &Pile, now: Timestamp) -> Expected {
        match self.give(of, now) {
            None => refused(DepositRefusal::NoRequisites),
            Some((identifier, is_new)) => {
                self.taken += u64::from(is_new);
                Expected::Given(identifier)
            }
        }
    }

    /// A deposit is asked for of whoever was given what it pays to.
    pub(super) fn paid_to(&mut self, of: &Pile, reference: &DepositReference) {
        if let Some((_, deposit)) = self.hosted.given.get_mut(of) {
            *deposit = Some(reference.clone());
        }
    }

    /// Whatever was left before for a label stands for none of its pages any more.
    pub(super) fn forget_left_name(&mut self, by: &(PartnerNumber, Label)) {
        self.hosted.by_left_name.remove(by);
    }
}
