//! Withdrawals: asked for by merchants, decided by operators; and what merchants hold
//! (paykassma-api.md, Withdrawals).

use std::fmt;

use super::gateway::Gateway;
use super::partners::PartnerRow;
use super::report::Page;
use super::{Ledger, Observed, Space, Unavailable};
use crate::engine::gateway::{Found, GatewayKey, GatewayRow, List, Mark};
use crate::engine::merchant::{Holder, Merchant, MerchantAccount};
use crate::engine::postback::{PostbackKind, PostbackOf, Telling};
use crate::engine::refusal::WithdrawalRefusal;
use crate::engine::withdrawal::{
    NewWithdrawal, SignedRequest, Withdrawal, WithdrawalState, WithdrawalVerdict, WithdrawalWord,
    decide_on_withdrawal, decide_withdrawal,
};
use crate::id::{PartnerNumber, Seq, WithdrawalId};
use crate::time::Timestamp;

/// Why a call about a withdrawal did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalError {
    /// The rules say no; it may be told when the seq is durable.
    Refused(WithdrawalRefusal, Seq),
    /// Nothing was touched.
    Unavailable,
}

impl fmt::Display for WithdrawalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WithdrawalError::Refused(refusal, _) => refusal.fmt(f),
            WithdrawalError::Unavailable => Unavailable.fmt(f),
        }
    }
}

impl std::error::Error for WithdrawalError {}

impl From<Unavailable> for WithdrawalError {
    fn from(_: Unavailable) -> WithdrawalError {
        WithdrawalError::Unavailable
    }
}

/// The bytes of a postback that tells of a decided withdrawal, with their signature: JSON. It is
/// asked under a lock, and sees the merchant, the withdrawal as it is decided, and the present.
pub type TellOfWithdrawal<'a> = dyn Fn(&PartnerRow, &Withdrawal, Timestamp) -> String + 'a;

/// Which withdrawals are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct WithdrawalsAsked {
    /// A merchant's alone.
    pub partner: Option<PartnerNumber>,
    /// Those in this state alone.
    pub state: Option<WithdrawalState>,
}

/// What a request for a withdrawal may have been taken down under before.
struct Names {
    partner: PartnerNumber,
    named: Option<GatewayKey>,
    signed: GatewayKey,
}

/// A withdrawal with its row.
type Row<'a> = (&'a Withdrawal, &'a GatewayRow);

impl Names {
    fn of(partner: &PartnerRow, new: &NewWithdrawal) -> Names {
        let named = new.id.as_ref();
        Names {
            partner: partner.number,
            named: named.map(|id| Withdrawal::key_of(partner.number, id)),
            signed: SignedRequest::key_of(partner.number, &new.signature),
        }
    }

    /// The name of what was accepted under the signature.
    fn by_signature(&self, gateway: &Gateway) -> Option<GatewayKey> {
        let request: &SignedRequest = gateway.read(&self.signed)?;
        Some(Withdrawal::key_of(self.partner, &request.withdrawal))
    }

    /// All of them, as far as they are known.
    fn keys(&self, gateway: &Gateway) -> Vec<GatewayKey> {
        let mut keys = vec![self.signed.clone()];
        keys.extend(self.named.clone());
        keys.extend(self.by_signature(gateway));
        keys
    }

    /// The withdrawal under the name, and the one under the signature, which are in memory.
    fn found<'a>(&self, gateway: &'a Gateway) -> (Option<Row<'a>>, Option<Row<'a>>) {
        let of = |key: &GatewayKey| gateway.of::<Withdrawal>(key);
        let by_signature = self.by_signature(gateway);
        let named = self.named.as_ref();
        (named.and_then(of), by_signature.as_ref().and_then(of))
    }
}

impl Ledger {
    /// Takes down a withdrawal (paykassma-api.md, `POST /v2/withdrawal/create`), or finds it where
    /// it was taken down before: the same answer is given then. Whether the merchant may call, and
    /// whether the request is signed and well formed, was seen by the caller.
    ///
    /// # Errors
    /// Refused where the name or the signature belongs to another withdrawal, or the merchant has
    /// too little; then neither is used up.
    pub fn create_withdrawal(
        &self,
        partner: &PartnerRow,
        new: &NewWithdrawal,
    ) -> Result<Observed<Found<Withdrawal>>, WithdrawalError> {
        let permit = self.reserve();
        let names = Names::of(partner, new);
        let mut gateway = self.gateway_with(|gateway| {
            let mut keys = gateway.holder_keys(partner.number);
            keys.extend(names.keys(gateway));
            keys
        })?;
        let (named, signed) = names.found(&gateway);
        let holder = gateway.holder(partner.number);
        let looked_at = [named, signed].into_iter().flatten();
        let seen = looked_at.map(|(_, row)| row.changed).max();
        let seen = seen.unwrap_or(Seq::NONE).max(partner.changed);
        let documents = (named.map(|of| of.0), signed.map(|of| of.0));
        let decided = decide_withdrawal(new, partner, documents, &holder);
        let verdict = decided.map_err(|refusal| {
            let seen = match refusal {
                // What it rests on is all that the merchant has.
                WithdrawalRefusal::InsufficientBalance | WithdrawalRefusal::BalanceOutOfRange => {
                    holder.newest().max(seen)
                }
                _ => seen,
            };
            WithdrawalError::Refused(refusal, seen)
        })?;
        let (id, seq) = match verdict {
            WithdrawalVerdict::Repeated(id) => (id, seen),
            WithdrawalVerdict::Accepted(_) if self.space() < Space::Ample => {
                return Err(WithdrawalError::Unavailable);
            }
            WithdrawalVerdict::Accepted(record) => {
                let permit = permit.ok_or(Unavailable)?;
                let entry = self.take_gateway_down(permit, &mut gateway, record);
                let id = new.id.as_ref().unwrap_or(&new.made);
                (id.clone(), entry.seq)
            }
        };
        let value = gateway.withdrawal(&Withdrawal::key_of(partner.number, &id));
        let value = value.expect("it is there by now");
        Ok(Observed { value, seq })
    }

    /// The withdrawal that is asked for again, if this was asked for before; what is not quite the
    /// same is none.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn repeated_withdrawal(
        &self,
        partner: &PartnerRow,
        new: &NewWithdrawal,
    ) -> Result<Option<Observed<Found<Withdrawal>>>, Unavailable> {
        let names = Names::of(partner, new);
        let gateway = self.gateway_with(|gateway| names.keys(gateway))?;
        let (named, signed) = names.found(&gateway);
        let before = new.repeats((named.map(|of| of.0), signed.map(|of| of.0)));
        let Ok(Some(before)) = before else {
            return Ok(None);
        };
        let value = gateway.withdrawal(&Withdrawal::key_of(partner.number, &before.id));
        let value = value.expect("it was found a moment ago");
        let seq = value.changed.max(partner.changed);
        Ok(Some(Observed { value, seq }))
    }

    /// A withdrawal by its merchant's name for it, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn withdrawal_named(
        &self,
        partner: &PartnerRow,
        id: &WithdrawalId,
    ) -> Result<Observed<Option<Found<Withdrawal>>>, Unavailable> {
        let key = Withdrawal::key_of(partner.number, id);
        let gateway = self.gateway_with(|_| vec![key.clone()])?;
        let value = gateway.withdrawal(&key);
        let seq = value.as_ref().map_or(Seq::NONE, |found| found.changed);
        Ok(Observed {
            value,
            seq: seq.max(partner.changed),
        })
    }

    /// A withdrawal by its number: the entry that it came with (operations.md, `withdrawal show`).
    /// Reads the disk.
    ///
    /// # Errors
    /// Refused where there is none.
    pub fn withdrawal(&self, number: Seq) -> Result<Observed<Found<Withdrawal>>, WithdrawalError> {
        let key = self.withdrawal_key(number)?;
        let gateway = self.gateway_with(|_| vec![key.clone()])?;
        let value = gateway.withdrawal(&key);
        let value = value.expect("what stands in a list is there");
        let seq = value.changed;
        Ok(Observed { value, seq })
    }

    fn withdrawal_key(&self, number: Seq) -> Result<GatewayKey, WithdrawalError> {
        let list = Mark::of::<Withdrawal>(List::All);
        let key = self.gateway_created(&list, number)?;
        let unknown = WithdrawalError::Refused(WithdrawalRefusal::Unknown, Seq::NONE);
        key.ok_or(unknown)
    }

    /// Withdrawals, the newest first (operations.md, `withdrawal list`); `before` is the last
    /// page's `next`. Reads the disk.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn withdrawals(
        &self,
        asked: WithdrawalsAsked,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<Found<Withdrawal>>>, Unavailable> {
        let WithdrawalsAsked { partner, state } = asked;
        let of = Mark::of::<Withdrawal>;
        let list = match (partner, state) {
            (_, Some(WithdrawalState::Processing)) => of(List::Open),
            (Some(partner), _) => of(List::OfPartner).partner(partner),
            (None, _) => of(List::All),
        };
        let page = self.gateway_page(&list, before, limit, |row| {
            row.read::<Withdrawal>().is_some_and(|of| {
                partner.is_none_or(|partner| of.partner == partner)
                    && state.is_none_or(|state| of.state == state)
            })
        })?;
        Ok(page.found())
    }

    /// An operator gives a word on a withdrawal (operations.md, `withdrawal approve|reject`): the
    /// money goes on or back, and in the same entry stands what `tell` makes to tell the merchant.
    /// The same word given again changes nothing.
    ///
    /// # Errors
    /// Refused where there is no such withdrawal or another word was given.
    pub fn decide_on_withdrawal(
        &self,
        number: Seq,
        word: &WithdrawalWord,
        tell: &TellOfWithdrawal<'_>,
    ) -> Result<Observed<Found<Withdrawal>>, WithdrawalError> {
        let permit = self.reserve();
        let key = self.withdrawal_key(number)?;
        let mut gateway = self.gateway_with(|gateway| {
            let mut keys = vec![key.clone()];
            let withdrawal = gateway.read::<Withdrawal>(&key);
            keys.extend(
                withdrawal
                    .into_iter()
                    .flat_map(|of| gateway.holder_keys(of.partner)),
            );
            keys
        })?;
        let found = gateway.withdrawal(&key);
        let found = found.expect("what stands in a list is there");
        let seen = found.changed;
        let refused = |refusal| WithdrawalError::Refused(refusal, seen);
        let Some(decided) = found.document.after(word).map_err(refused)? else {
            return Ok(Observed {
                value: found,
                seq: seen,
            });
        };
        let partner = self.partners.by_number(decided.partner);
        let partner = partner.expect("a withdrawal is a partner's");
        let now = self.sequencer.now();
        let telling = Telling {
            of: PostbackOf {
                partner: decided.partner,
                kind: PostbackKind::Withdrawal,
                name: decided.postback_name(),
            },
            body: tell(&partner, &decided, now),
            deposits: Vec::new(),
            has_url: PostbackKind::Withdrawal.url_of(&partner).is_some(),
        };
        let holder = gateway.holder(decided.partner);
        let record = decide_on_withdrawal(&decided, &holder, telling, now).map_err(refused)?;
        if self.space() == Space::Full {
            return Err(WithdrawalError::Unavailable);
        }
        let permit = permit.ok_or(Unavailable)?;
        let entry = self.take_gateway_down(permit, &mut gateway, record);
        let value = gateway.withdrawal(&key);
        let value = value.expect("it was decided a moment ago");
        drop(gateway);
        self.ring();
        let seq = entry.seq;
        Ok(Observed { value, seq })
    }

    /// What a merchant holds, in the order in which its accounts were opened (paykassma-api.md,
    /// `accounts-balance`).
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn merchant_accounts(
        &self,
        partner: &PartnerRow,
    ) -> Result<Observed<Vec<MerchantAccount>>, Unavailable> {
        let gateway = self.gateway_with(|gateway| gateway.holder_keys(partner.number))?;
        let holder = gateway.holder(partner.number);
        let seq = holder.newest().max(partner.changed);
        let value = holder.accounts.into_iter().map(|(account, _)| account);
        Ok(Observed {
            value: value.collect(),
            seq,
        })
    }
}

impl Gateway {
    /// The names of all that says what a merchant holds, as far as it is known.
    pub(super) fn holder_keys(&self, partner: PartnerNumber) -> Vec<GatewayKey> {
        let key = Merchant::key_of(partner);
        let merchant = self.read::<Merchant>(&key);
        let accounts = merchant.into_iter().flat_map(Merchant::account_keys);
        let accounts: Vec<_> = accounts.collect();
        std::iter::once(key).chain(accounts).collect()
    }

    /// What a merchant holds, all of which is in memory.
    pub(super) fn holder(&self, partner: PartnerNumber) -> Holder {
        let merchant = self.read::<Merchant>(&Merchant::key_of(partner));
        let keys = merchant.into_iter().flat_map(Merchant::account_keys);
        let accounts = keys.map(|key| {
            let account = self.of::<MerchantAccount>(&key);
            let (account, row) = account.expect("a merchant's list names its accounts");
            (account.clone(), row.changed)
        });
        Holder {
            accounts: accounts.collect(),
        }
    }

    fn withdrawal(&self, key: &GatewayKey) -> Option<Found<Withdrawal>> {
        self.of::<Withdrawal>(key).and_then(|(_, row)| row.found())
    }
}

impl Holder {
    /// The newest entry on any of the accounts.
    fn newest(&self) -> Seq {
        let entries = self.accounts.iter().map(|(_, last)| *last);
        entries.max().unwrap_or(Seq::NONE)
    }
}

impl Observed<Page<GatewayRow>> {
    /// The page of a list whose documents are all of one kind.
    pub(super) fn found<T: crate::engine::gateway::OfKind + Clone>(
        self,
    ) -> Observed<Page<Found<T>>> {
        let Page { items, next } = self.value;
        let items = items.iter().filter_map(GatewayRow::found).collect();
        Observed {
            value: Page { items, next },
            seq: self.seq,
        }
    }
}
