//! Why a command was refused: results, not errors. Each protocol words them in one `match`
//! without a `_` arm.

use std::fmt;

use super::withdrawal::WithdrawalState;
use crate::id::PartnerNumber;
use crate::money::Amount;

/// Why a game server's request was refused (wallet-api.md, Answers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayRefusal {
    /// No such code under this wallet token. Permanent.
    SessionUnknown,
    /// The id was cancelled, perhaps before its bet arrived. Permanent.
    IdVoided,
    /// The id belongs to a different transaction in this currency. Permanent.
    IdUsed,
    /// The session is closed or past its life, or its partner's. Permanent for this session.
    SessionExpired,
    /// The player is blocked. May pass when an operator unblocks.
    PlayerBlocked,
    /// The stake is over the configured limit. Permanent.
    LimitExceeded,
    /// The stake is more than the balance. May pass after a deposit or a win.
    InsufficientFunds,
    /// A cancel named a win. Permanent.
    NotABet,
    /// A cancel named another round than the bet's. Permanent.
    RoundMismatch,
    /// The bet's round has paid. Permanent.
    RoundPaid,
    /// The account would pass its limit. May pass when the player has lost some.
    BalanceOutOfRange,
}

/// Why a one-time link did not lead into its game (partner-api.md, Users). Permanent, but for the
/// last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// There is no such link, or it was used, or is past its life.
    Over,
    /// The partner is disabled or past its end.
    PartnerNotLive,
    /// The player is blocked.
    PlayerBlocked,
}

/// Why an operator's command was refused. `Display` says it in a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorRefusal {
    /// No such partner.
    PartnerUnknown(PartnerNumber),
    /// Another partner has this wallet token.
    WalletTokenUsed,
    /// The default game is not among the games that the partner's users may play.
    DefaultGameNotPermitted,
    /// No such player at this partner.
    PlayerUnknown,
    /// The player has no account in this currency.
    AccountUnknown,
    /// The account is there already.
    AccountExists,
    /// No session has this code.
    SessionUnknown,
    /// The code is, or was, another session's.
    CodeUsed,
    /// The player is blocked: no session can be opened.
    PlayerBlocked,
    /// The partner is disabled or past its end: no session can be opened.
    PartnerNotLive,
    /// The reference belongs to an adjustment with other content.
    ReferenceUsed,
    /// An adjustment of nothing.
    AmountZero,
    /// More is to be taken off than there is.
    InsufficientFunds,
    /// The account would pass its limit.
    BalanceOutOfRange,
    /// A cursor that no page of this account's history gave.
    CursorUnknown,
    /// The wallet type's reference belongs to a payment with other content.
    PaymentReferenceUsed,
    /// No such postback.
    PostbackUnknown,
}

/// Why a partner's call about a user was refused (partner-api.md, Users and Wallet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRefusal {
    /// The partner has a user of this mobile number. Permanent.
    MobileRegistered,
    /// The transaction id was used before. Permanent.
    TransferIdUsed,
    /// Nobody is registered under this mobile number. May pass when somebody is.
    UserUnknown,
    /// Only other partners have a user of this mobile number. May pass as above.
    NotThePartnersUser,
    /// More is to be withdrawn than there is. May pass after a deposit or a win.
    InsufficientFunds {
        /// What there is.
        balance: Amount,
        /// What was to be withdrawn.
        requested: Amount,
    },
    /// The account would pass its limit. May pass when the user has lost some.
    BalanceOutOfRange,
}

/// Why a merchant's withdrawal, or an operator's word on one, was refused (paykassma-api.md,
/// Withdrawals). Declared in the order in which it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalRefusal {
    /// There is no such withdrawal. May pass when there is.
    Unknown,
    /// The withdrawal_id belongs to a withdrawal with other content. Permanent.
    IdUsed,
    /// A withdrawal was accepted under this signature, and it is another one. Permanent.
    SignatureUsed,
    /// All that the merchant has in the currency is less. May pass after a deposit.
    InsufficientBalance,
    /// The merchant's account would pass its limit. May pass.
    BalanceOutOfRange,
    /// Another word was given on it. Permanent.
    Decided(WithdrawalState),
}

impl fmt::Display for WithdrawalRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WithdrawalRefusal::Unknown => f.write_str("there is no such withdrawal"),
            WithdrawalRefusal::IdUsed => {
                f.write_str("this withdrawal_id belongs to a withdrawal with other content")
            }
            WithdrawalRefusal::SignatureUsed => {
                f.write_str("another withdrawal was accepted under this signature")
            }
            WithdrawalRefusal::InsufficientBalance => f.write_str("the merchant's balance is less"),
            WithdrawalRefusal::BalanceOutOfRange => {
                f.write_str("the merchant's account would pass its limit of 90071992547409.91")
            }
            WithdrawalRefusal::Decided(state) => {
                write!(f, "the withdrawal is {} already", state.name())
            }
        }
    }
}

/// Why a call about an order was refused (partner-api.md, Payment Gateway).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRefusal {
    /// There is no such order.
    Unknown,
    /// The partner has an order of that name with other content. Permanent.
    IdUsed,
    /// The partner is disabled or past its end. May pass.
    PartnerNotLive,
    /// The order is over. Permanent.
    NotPending,
    /// The UTR was corrected as often as it may be. Permanent.
    TooManyCorrections,
    /// The UTR was named for as many orders as it may be. Permanent, until an operator decides.
    TooManyClaims,
    /// An operator's word has paid the order, and no payment has come that would stand for it. May
    /// pass when one comes.
    PaymentUnknown,
    /// The received payment is another order's. Permanent.
    PaymentTaken,
    /// The received payment is in another currency. Permanent.
    OtherCurrency,
    /// More is to be taken back than the user's wallet holds. May pass after a deposit or a win.
    InsufficientFunds,
    /// The user's wallet would pass its limit. May pass when the user has lost some.
    BalanceOutOfRange,
}

impl fmt::Display for OrderRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OrderRefusal::Unknown => "there is no such order",
            OrderRefusal::IdUsed => "the partner has an order of this name with other content",
            OrderRefusal::PartnerNotLive => "the partner is disabled or past its end",
            OrderRefusal::NotPending => "the order is over: it does not wait for a payment",
            OrderRefusal::TooManyCorrections => "the reference was corrected too often",
            OrderRefusal::TooManyClaims => "the reference was named for too many orders",
            OrderRefusal::PaymentUnknown => {
                "the order is paid by your word, and no payment with its reference has come"
            }
            OrderRefusal::PaymentTaken => "the payment with this reference is another order's",
            OrderRefusal::OtherCurrency => {
                "the payment with this reference is in another currency than the order"
            }
            OrderRefusal::InsufficientFunds => {
                "less was received than your word has paid, and the user's wallet does not hold \
                 the difference any more"
            }
            OrderRefusal::BalanceOutOfRange => "the user's wallet would pass its limit",
        })
    }
}

/// Why a merchant's call about a deposit, or an operator's word on one, was refused
/// (paykassma-api.md, Deposits). Declared in the order in which it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositRefusal {
    /// There is no such deposit. May pass when there is.
    Unknown,
    /// The transaction number was claimed before. Permanent.
    Key1Used,
    /// The deposit has no name, and none was left for it. May pass when one is.
    CustomIdMissing,
    /// The name is another deposit's. Permanent.
    CustomIdUsed,
    /// Another transaction number was named for the deposit. Permanent.
    Key1Named,
    /// The deposit's page has waited too long. Permanent.
    PageExpired,
    /// Its payer has named no transaction number. May pass when one is named.
    Key1Missing,
    /// Nothing is configured to pay to. May pass when something is.
    NoRequisites,
    /// An operator has said no. Permanent.
    Rejected,
    /// The deposit is activated. Permanent.
    Activated,
    /// The received payment is something else's. Permanent.
    PaymentTaken,
    /// No payment has come, and the merchant said no amount. May pass when one comes.
    AmountUnknown,
    /// The merchant's account would pass its limit. May pass.
    BalanceOutOfRange,
    /// The payment is in another currency than an operator's word was. Permanent.
    OtherCurrency,
    /// What the merchant was told of the deposit cannot be told again. Permanent.
    ToldUnknown,
}

impl fmt::Display for DepositRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DepositRefusal::Unknown => "there is no such deposit",
            DepositRefusal::Key1Used => "the transaction number was claimed before",
            DepositRefusal::CustomIdMissing => "the deposit has no custom_transaction_id",
            DepositRefusal::CustomIdUsed => "this custom_transaction_id is another deposit's",
            DepositRefusal::Key1Named => "another transaction number was named for the deposit",
            DepositRefusal::PageExpired => "the deposit's page has expired",
            DepositRefusal::Key1Missing => "its payer has named no transaction number yet",
            DepositRefusal::NoRequisites => "nothing is configured to pay to",
            DepositRefusal::Rejected => "the deposit is rejected already",
            DepositRefusal::Activated => "the deposit is activated already",
            DepositRefusal::PaymentTaken => "the payment with this number is something else's",
            DepositRefusal::AmountUnknown => "no payment has come, and no amount was said",
            DepositRefusal::BalanceOutOfRange => {
                "the merchant's account would pass its limit of 90071992547409.91"
            }
            DepositRefusal::OtherCurrency => {
                "the payment is in another currency than the deposit was approved in"
            }
            DepositRefusal::ToldUnknown => {
                "what the merchant was told cannot be put right: an earlier version told it, or it \
                 was put right 250 times"
            }
        })
    }
}

impl fmt::Display for OperatorRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OperatorRefusal::PartnerUnknown(partner) => write!(f, "there is no partner {partner}"),
            OperatorRefusal::WalletTokenUsed => {
                f.write_str("another partner has this wallet token")
            }
            OperatorRefusal::DefaultGameNotPermitted => {
                f.write_str("the default game is not among the partner's games")
            }
            OperatorRefusal::PlayerUnknown => f.write_str("this partner has no such player"),
            OperatorRefusal::AccountUnknown => {
                f.write_str("the player has no account in this currency")
            }
            OperatorRefusal::AccountExists => {
                f.write_str("the player already has an account in this currency")
            }
            OperatorRefusal::SessionUnknown => f.write_str("no session has this code"),
            OperatorRefusal::CodeUsed => {
                f.write_str("this code is or was another session's; codes are never used again")
            }
            OperatorRefusal::PlayerBlocked => f.write_str("the player is blocked"),
            OperatorRefusal::PartnerNotLive => {
                f.write_str("the partner is disabled or past its end")
            }
            OperatorRefusal::ReferenceUsed => {
                f.write_str("this reference belongs to an adjustment with other content")
            }
            OperatorRefusal::AmountZero => f.write_str("an adjustment must not be zero"),
            OperatorRefusal::InsufficientFunds => {
                f.write_str("the balance is less than what is to be taken off")
            }
            OperatorRefusal::BalanceOutOfRange => {
                f.write_str("the balance would pass its limit of 90071992547409.91")
            }
            OperatorRefusal::CursorUnknown => {
                f.write_str("no page of this history gave that cursor: begin without one")
            }
            OperatorRefusal::PostbackUnknown => f.write_str("there is no such postback"),
            OperatorRefusal::PaymentReferenceUsed => {
                f.write_str("this reference belongs to a received payment with other content")
            }
        }
    }
}
