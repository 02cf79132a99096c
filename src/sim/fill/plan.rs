//! What a fill consists of, and every name in it, worked out from a few numbers: whoever knows the
//! plan knows the sessions and ids without asking.

use std::fmt;
use std::str::FromStr;

use crate::engine::command::AccountName;
use crate::id::{Code, IdSpaceName, Name, PartnerNumber, PlayerId, TransactionId, WalletToken};
use crate::money::Currency;

/// How many partners the accounts of a fill are spread over.
pub const PARTNERS: u64 = 4;

/// How game servers number their transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// 1, 2, 3 and so on, over all partners of the fill together.
    Rising,
    /// Any of the 64-bit numbers, none twice.
    Random,
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ids::Rising => "rising",
            Ids::Random => "random",
        })
    }
}

impl FromStr for Ids {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Ids, PlanError> {
        match text {
            "rising" => Ok(Ids::Rising),
            "random" => Ok(Ids::Random),
            _ => Err(PlanError("must be rising or random")),
        }
    }
}

/// A text is not of its form; it says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanError(&'static str);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PlanError {}

/// How much is wanted, of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where all chance comes from.
    pub seed: u64,
    /// Bets, wins and cancels.
    pub transactions: u64,
    /// Accounts, each with one player and one session: 1 at least.
    pub accounts: u64,
    /// How bets and wins are numbered.
    pub ids: Ids,
}

/// One fill of one coffer. Equal plans give equal entries, their times aside.
///
/// A plan's text is the name of its partners, so that it can be read back from `partner list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which fill of its coffer, from 1. Fills share no partner, player, session or id space.
    pub run: u64,
    /// What was wanted.
    pub order: Order,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Order {
            seed,
            transactions,
            accounts,
            ids,
        } = self.order;
        let run = self.run;
        write!(
            f,
            "fill {run} of seed {seed}: {transactions} transactions, {accounts} accounts, {ids} ids"
        )
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Plan, PlanError> {
        let error = PlanError("is not the name of a fill's partner");
        let words: Vec<&str> = text.split([' ', ':']).collect();
        let number = |place: usize| -> Result<u64, PlanError> {
            let word = words.get(place).ok_or(error)?;
            word.parse().map_err(|_| error)
        };
        let order = Order {
            seed: number(4)?,
            transactions: number(6)?,
            accounts: number(8)?,
            ids: words.get(10).ok_or(error)?.parse().map_err(|_| error)?,
        };
        let plan = Plan {
            run: number(1)?,
            order,
        };
        if plan.to_string() == text {
            Ok(plan)
        } else {
            Err(error)
        }
    }
}

impl Plan {
    /// The name of its partners: the plan's text.
    pub fn name(&self) -> Name {
        parsed(&self.to_string())
    }

    /// The id space of its partners.
    pub fn id_space(&self) -> IdSpaceName {
        parsed(&format!("fill{}", self.run))
    }

    /// The currency of all its accounts.
    pub fn currency(&self) -> Currency {
        parsed("USD")
    }

    /// Which of its partners an account belongs to, below [`PARTNERS`].
    pub fn partner_of(&self, account: u64) -> u64 {
        account % PARTNERS
    }

    /// The wallet token of its partner `partner`, below [`PARTNERS`].
    pub fn wallet_token(&self, partner: u64) -> WalletToken {
        parsed(&format!("fill{}_{partner}", self.run))
    }

    /// The account `account` of the partner that has this number in the coffer.
    pub fn account(&self, partner: PartnerNumber, account: u64) -> AccountName {
        let player_id: PlayerId = parsed(&format!("fill{}-{account}", self.run));
        AccountName {
            partner,
            player_id,
            currency: self.currency(),
        }
    }

    /// The code of an account's one session. Neighbours' codes are far from each other, as words
    /// drawn at random are.
    pub fn code(&self, account: u64) -> Code {
        let word = permuted(self.chance(1), account);
        parsed(&format!("{word:016x}_fill{}", self.run))
    }

    /// The id of the `number`th bet or win, from 0. Numbers after those of the fill are free, and
    /// so are their ids.
    ///
    /// # Panics
    /// Where rising ids have come to their end, 2^64.
    pub fn id(&self, number: u64) -> TransactionId {
        TransactionId(match self.order.ids {
            Ids::Rising => number.checked_add(1).expect("ids of 64 bits suffice"),
            Ids::Random => permuted(self.chance(2), number),
        })
    }

    /// A number of this plan's own for each `use_`.
    pub(super) fn chance(&self, use_: u64) -> u64 {
        permuted(permuted(self.order.seed, self.run), use_)
    }
}

fn parsed<T: FromStr>(text: &str) -> T {
    let value = text.parse().ok();
    value.expect("a fill's own texts are of their form")
}

/// Where `key`'s order of all 64-bit numbers has `number`: none has two places. (The steps of
/// SplitMix64, each of which can be undone: Steele, Lea and Flood, 2014.)
fn permuted(key: u64, number: u64) -> u64 {
    let step = |bits: u64, shift: u32, factor: u64| (bits ^ (bits >> shift)).wrapping_mul(factor);
    let far = key.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let bits = step(far, 30, 0xbf58_476d_1ce4_e5b9);
    let bits = step(bits, 27, 0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(ids: Ids) -> Plan {
        let order = Order {
            seed: 7,
            transactions: 100,
            accounts: 10,
            ids,
        };
        Plan { run: 2, order }
    }

    #[test]
    fn a_plan_is_read_back_from_its_partners_name() {
        for ids in [Ids::Rising, Ids::Random] {
            assert_eq!(plan(ids).name().as_str().parse(), Ok(plan(ids)));
        }
        let text = plan(Ids::Rising).to_string();
        for wrong in [
            "Demo",
            "",
            &text.replace("100", "0100"),
            &text.replace("ids", "id"),
        ] {
            assert!(wrong.parse::<Plan>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn ids_rise_from_one_or_are_drawn_from_all_without_repetition() {
        let rising: Vec<u64> = (0..3)
            .map(|number| plan(Ids::Rising).id(number).0)
            .collect();
        assert_eq!(rising, [1, 2, 3]);
        let random: BTreeSet<u64> = (0..10_000)
            .map(|number| plan(Ids::Random).id(number).0)
            .collect();
        assert_eq!(random.len(), 10_000);
        // Each sixteenth of the range has its share, give or take a fifth.
        for part in 0..16_u64 {
            let share = random.iter().filter(|&&id| id >> 60 == part).count();
            assert!((500..750).contains(&share), "{part}: {share}");
        }
    }

    #[test]
    fn fills_of_one_coffer_share_no_names() {
        let (one, other) = (plan(Ids::Rising), plan(Ids::Rising));
        let other = Plan { run: 3, ..other };
        assert_ne!(one.wallet_token(0), other.wallet_token(0));
        assert_ne!(one.id_space(), other.id_space());
        let codes = [one, other].map(|plan| (0..100).map(|of| plan.code(of)).collect::<Vec<_>>());
        let codes: BTreeSet<_> = codes.concat().into_iter().collect();
        assert_eq!(codes.len(), 200);
    }
}
