//! What a simulated world does to a ledger, as plain data.

use super::hosted::NewPage;
use crate::engine::activation::NewDeposit;
use crate::engine::command::{
    AccountName, Command, NewAdjustment, NewOrder, NewPartner, NewPayment, NewSession, NewTransfer,
    NewUser, PartnerChange,
};
use crate::engine::withdrawal::{NewWithdrawal, WithdrawalWord};
use crate::id::{
    Code, DepositReference, GatewayText, Label, OrderId, OrderReference, PartnerNumber,
    PaymentReference, PlayerId, PostbackName, Utr, WalletType, WithdrawalId,
};
use crate::money::{Amount, Currency};
use crate::time::Span;

/// One thing that a game server, an operator, a partner or the clock does.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A game server's request on a partner's Wallet URL.
    Play {
        /// Whose Wallet URL.
        partner: PartnerNumber,
        /// The session that the request names, known or not.
        code: Code,
        /// What it asks.
        command: Command,
    },
    /// A partner comes into being.
    CreatePartner(NewPartner),
    /// A partner is disabled, enabled or given an end.
    ChangePartner(PartnerNumber, PartnerChange),
    /// An account comes into being, with money on it or without.
    CreatePlayer {
        /// Which account.
        account: AccountName,
        /// What it holds at first.
        balance: Amount,
    },
    /// A player is blocked or unblocked.
    SetBlocked {
        /// Whose player.
        partner: PartnerNumber,
        /// Which player.
        player_id: PlayerId,
        /// Blocked from now on?
        blocked: bool,
    },
    /// An operator adjusts a balance.
    Adjust(NewAdjustment),
    /// A session is opened.
    OpenSession(NewSession),
    /// A session is closed.
    CloseSession(Code),
    /// A partner registers a user.
    Register {
        /// Whose user.
        partner: PartnerNumber,
        /// Who.
        new: NewUser,
    },
    /// A partner puts money on a user's wallet or takes it off.
    Transfer {
        /// Whose user.
        partner: PartnerNumber,
        /// What.
        new: NewTransfer,
    },
    /// Money is said to have come.
    Receive(NewPayment),
    /// Somebody does something about an order.
    Order(OrderOperation),
    /// Somebody does something about a deposit.
    Deposit(DepositOperation),
    /// A merchant asks for a withdrawal.
    Withdraw {
        /// The merchant.
        partner: PartnerNumber,
        /// What.
        new: NewWithdrawal,
    },
    /// An operator gives a word on a withdrawal.
    DecideWithdrawal {
        /// The merchant.
        partner: PartnerNumber,
        /// Which.
        id: WithdrawalId,
        /// What is said.
        word: WithdrawalWord,
    },
    /// A sender has tried to tell what became of a withdrawal.
    TryPostback {
        /// The merchant.
        partner: PartnerNumber,
        /// Which.
        id: WithdrawalId,
        /// Whether the merchant took it.
        taken: bool,
    },
    /// Time passes.
    Advance(Span),
}

/// One thing that a partner, a payer or an operator does about an order.
#[derive(Clone, Debug)]
pub enum OrderOperation {
    /// A partner makes a payment link.
    Create {
        /// Whose.
        partner: PartnerNumber,
        /// What for.
        new: NewOrder,
        /// What its page will be found by.
        reference: OrderReference,
    },
    /// A payer names a UTR.
    NameUtr {
        /// For which order, known or not.
        reference: OrderReference,
        /// Which.
        utr: Utr,
    },
    /// A partner takes an order back.
    Cancel {
        /// Whose.
        partner: PartnerNumber,
        /// Which.
        id: OrderId,
    },
    /// An operator says that an order is paid.
    Approve {
        /// Which.
        reference: OrderReference,
        /// By which payment, where the operator says so.
        utr: Option<Utr>,
    },
    /// An operator says that an order is not paid.
    Reject(OrderReference),
}

/// One thing that a merchant, an operator or a sender does about a deposit.
#[derive(Clone, Debug)]
pub enum DepositOperation {
    /// A merchant wants a deposit activated.
    Activate {
        /// The merchant.
        partner: PartnerNumber,
        /// What.
        new: NewDeposit,
    },
    /// A merchant asks for a page that a deposit is paid on.
    Page(NewPage),
    /// A payer names a transaction number on a page.
    NameNumber {
        /// Which page, known or not.
        reference: DepositReference,
        /// The number.
        key1: PaymentReference,
    },
    /// A merchant asks what a payer is to pay to.
    Requisites {
        /// The merchant.
        partner: PartnerNumber,
        /// Its payer.
        label: Label,
        /// In which payment system.
        wallet_type: WalletType,
        /// In which currency.
        currency: Currency,
    },
    /// An operator says that its money has come.
    Approve(DepositReference),
    /// An operator says that it has not.
    Reject(DepositReference),
    /// A merchant leaves a name for a label's next deposit.
    LeaveId {
        /// The merchant.
        partner: PartnerNumber,
        /// Whose next deposit.
        label: Label,
        /// The name.
        id: GatewayText,
    },
    /// A sender has tried to tell of deposits.
    TryPostback {
        /// The merchant.
        partner: PartnerNumber,
        /// What names the postback, if there is one.
        name: PostbackName,
        /// Whether the merchant took it.
        taken: bool,
    },
}
