//! The admin API: what an operator asks for and is told, in JSON (operations.md, Admin address).
//!
//! Requests bear all their members in the body (POST) or in the query (GET), never in the path:
//! a player_id may hold `/`, `?` and `%`. Members that an operation does not know are refused.
//! The same types are written by the command line and read by the server, and the other way round.

mod deposits;
mod export;
mod fault;
mod gateway;
mod members;
mod operation;
mod orders;
mod payments;
mod rates;
mod reply;
mod request;

pub use deposits::{
    ActivatedItem, DepositItem, DepositShown, DepositWanted, HostedItem, RejectDeposit,
    deposit_state,
};
pub use export::{
    ExportWanted, FIRST_HEADER, Format, JournalRow, LAST_HEADER, PlayerRow, Row, SnapshotWanted,
    TransactionRow,
};
pub use fault::Fault;
pub use gateway::{
    ApproveWithdrawal, AttemptItem, GatewayList, Numbered, PostbackItem, PostbackShown,
    PostbackTested, RejectWithdrawal, TestPostback, WithdrawalItem, postback_kind, postback_state,
    withdrawal_state,
};
pub use members::{Malformed, Members, encode_query};
pub use operation::{Found, Method, Operation};
pub use orders::{
    ApproveOrder, CancelOrder, OrderItem, OrderList, OrderWanted, RejectOrder, order_state,
};
pub use payments::{
    PaymentDone, PaymentItem, PaymentList, PaymentWhose, ReceivePayment, amount_received,
    payment_state,
};
pub use rates::{RateGiven, RatesShown, RatesWanted, SetRates};
pub use reply::{
    AdjustmentDone, AnomalyItem, AnomalyTransaction, BackupMade, BackupShown, CurrencyBalance,
    CurrencyReport, HistoryItem, Integrity, IntegrityHead, IntegrityScrub, NewlyShown, Page,
    PartnerCreated, PartnerItem, PartnerShown, PlayerCreated, PlayerShown, ReportAccount,
    RevenueItem, RoundItem, SecretRotated, SessionOpened, SessionShown, Tally, TrialBalance,
};
pub use request::{
    AdjustPlayer, BackUp, BackupNamed, CreatePartner, CreatePlayer, HistoryPage, IntegrityWanted,
    OpenSession, PageWanted, PartnerNamed, PlayerNamed, RotateSecret, SessionNamed,
    TrialBalanceWanted, UpdatePartner,
};
