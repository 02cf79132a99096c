//! Users: who registered which mobile number, and how a registration is judged (partner-api.md,
//! Users).

use super::command::{AccountName, NewUser};
use super::document::{Document, Partner, User};
use super::entry::{Actor, Record, RecordKind};
use super::operate::opening;
use super::refusal::UserRefusal;
use crate::id::{AccountNumber, PartnerNumber, Seq, UserNumber};

/// The users of one mobile number: at most one a partner, in the order of their registration.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Registered {
    /// At least one where there is a row at all.
    pub users: Vec<UserPlace>,
}

/// Where a user's wallet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPlace {
    /// Who registered it.
    pub partner: PartnerNumber,
    /// Its number.
    pub number: UserNumber,
    /// Its wallet, which is its player's first account and gives that player its number.
    pub account: AccountNumber,
    /// The entry that registered it.
    pub registered: Seq,
}

impl Registered {
    /// The user that a partner means by the number.
    ///
    /// # Errors
    /// [`UserRefusal::UserUnknown`], or [`UserRefusal::NotThePartnersUser`] where only other
    /// partners have one.
    pub fn locate(
        registered: Option<&Registered>,
        partner: PartnerNumber,
    ) -> Result<UserPlace, UserRefusal> {
        let users = registered.map_or(&[][..], |registered| &registered.users);
        let own = users.iter().find(|user| user.partner == partner);
        match own {
            Some(user) => Ok(*user),
            None if users.is_empty() => Err(UserRefusal::UserUnknown),
            None => Err(UserRefusal::NotThePartnersUser),
        }
    }

    /// The newest entry that says anything of the number.
    pub fn newest(registered: Option<&Registered>) -> Seq {
        let users = registered.and_then(|registered| registered.users.last());
        users.map_or(Seq::NONE, |user| user.registered)
    }

    /// Takes in a registration, unless it is there already.
    pub fn add(&mut self, user: &User, seq: Seq) {
        if self.users.iter().all(|known| known.number != user.number) {
            self.users.push(UserPlace {
                partner: user.partner,
                number: user.number,
                account: user.account,
                registered: seq,
            });
        }
    }
}

/// A user comes into being, as a player with a wallet in the partner's currency. That nobody is
/// called as the player would be was seen by the caller; `account` gives a number that no account
/// had.
///
/// # Errors
/// [`UserRefusal::MobileRegistered`].
pub fn decide_registration(
    registered: Option<&Registered>,
    partner: &Partner,
    new: &NewUser,
    number: UserNumber,
    account: impl FnOnce() -> AccountNumber,
) -> Result<Record, UserRefusal> {
    if Registered::locate(registered, partner.number).is_ok() {
        return Err(UserRefusal::MobileRegistered);
    }
    let account = account();
    let name = AccountName {
        partner: partner.number,
        player_id: number.player_id(),
        currency: partner.currency,
    };
    let mut documents = opening(None, &name, partner.id_space, account);
    documents.push(Document::User(Box::new(User {
        number,
        partner: partner.number,
        name: new.name.clone(),
        email: new.email.clone(),
        mobile: new.mobile.clone(),
        account,
    })));
    Ok(Record {
        by: Actor::Partner,
        kind: RecordKind::UserRegistered,
        postings: Vec::new(),
        documents,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(partner: u32, number: u64) -> User {
        User {
            number: UserNumber(number),
            partner: PartnerNumber(partner),
            name: "New User Name".parse().unwrap(),
            email: "newuser@example.com".parse().unwrap(),
            mobile: "1234567890".parse().unwrap(),
            account: AccountNumber(number),
        }
    }

    #[test]
    fn a_number_is_each_partners_own() {
        let mut registered = Registered::default();
        registered.add(&user(1, 101), Seq(5));
        registered.add(&user(2, 102), Seq(9));
        registered.add(&user(2, 102), Seq(9));
        assert_eq!(registered.users.len(), 2);
        let locate = |partner| {
            let place = Registered::locate(Some(&registered), PartnerNumber(partner));
            place.map(|place| place.number.0)
        };
        assert_eq!(locate(1), Ok(101));
        assert_eq!(locate(2), Ok(102));
        assert_eq!(locate(3), Err(UserRefusal::NotThePartnersUser));
        let nobody = Registered::locate(None, PartnerNumber(1));
        assert_eq!(nobody, Err(UserRefusal::UserUnknown));
        assert_eq!(Registered::newest(Some(&registered)), Seq(9));
    }
}
