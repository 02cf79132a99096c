//! Which tables hold rows.

use super::gateway::Marked;
use super::orders::{ListedOrder, OrderNamed};
use super::payments::ListedPayment;
use super::rows::{
    AccountPlace, Definition, ForeignRound, Home, OpenRound, Row, SessionPlace, Space, SumRow,
    Unlisted,
};
use super::runs::{FilterPiece, RunList};
use crate::engine::claim::Claims;
use crate::engine::document::{Adjustment, Partner};
use crate::engine::gateway::GatewayRow;
use crate::engine::holdings::{PlayerRow, SessionRow};
use crate::engine::ids::IdRow;
use crate::engine::order::OrderRow;
use crate::engine::payment::PaymentRow;
use crate::engine::round::{OddPlay, Round};
use crate::engine::totals::DayTotals;
use crate::engine::transfer::TransferRow;
use crate::engine::user::Registered;
use crate::id::Seq;

/// Every table that holds rows.
pub(super) const ALL: [Definition; 28] = [
    <(Partner, Seq)>::TABLE,
    Space::TABLE,
    AccountPlace::TABLE,
    Home::TABLE,
    PlayerRow::TABLE,
    SessionRow::TABLE,
    Unlisted::TABLE,
    SessionPlace::TABLE,
    <(Adjustment, Seq)>::TABLE,
    IdRow::TABLE,
    Round::TABLE,
    ForeignRound::TABLE,
    OpenRound::TABLE,
    OddPlay::TABLE,
    SumRow::TABLE,
    DayTotals::TABLE,
    RunList::TABLE,
    FilterPiece::TABLE,
    Registered::TABLE,
    TransferRow::TABLE,
    PaymentRow::TABLE,
    ListedPayment::TABLE,
    GatewayRow::TABLE,
    Marked::TABLE,
    OrderRow::TABLE,
    OrderNamed::TABLE,
    ListedOrder::TABLE,
    Claims::TABLE,
];

/// Those that books of earlier versions may lack.
pub(super) const LATER: [Definition; 10] = [
    Registered::TABLE,
    TransferRow::TABLE,
    PaymentRow::TABLE,
    ListedPayment::TABLE,
    GatewayRow::TABLE,
    Marked::TABLE,
    OrderRow::TABLE,
    OrderNamed::TABLE,
    ListedOrder::TABLE,
    Claims::TABLE,
];
