//! Every operation of the admin API, with its method and path: one table for both sides.

use std::fmt;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Creates a partner and shows its secrets, this once.
    CreatePartner,
    /// Lists the partners.
    ListPartners,
    /// Shows a partner with its settings.
    ShowPartner,
    /// Changes a partner's settings.
    UpdatePartner,
    /// Exchanges a partner's secrets and shows the new ones, this once.
    RotateSecret,
    /// Disables a partner.
    DisablePartner,
    /// Enables a partner again.
    EnablePartner,
    /// Creates a player, or a player's account in a further currency.
    CreatePlayer,
    /// Shows a player.
    ShowPlayer,
    /// Blocks a player.
    BlockPlayer,
    /// Unblocks a player.
    UnblockPlayer,
    /// Puts money on a player's account or takes it off.
    AdjustPlayer,
    /// Lists what moved a player's account, newest first.
    PlayerHistory,
    /// Opens a session.
    OpenSession,
    /// Shows a session.
    ShowSession,
    /// Closes a session.
    CloseSession,
    /// Takes down that money has come.
    ReceivePayment,
    /// Lists received payments, newest first.
    ListPayments,
    /// Lists orders, newest first.
    ListOrders,
    /// Shows an order.
    ShowOrder,
    /// Says that an order is paid.
    ApproveOrder,
    /// Says that an order is not paid.
    RejectOrder,
    /// Takes an order back.
    CancelOrder,
    /// Lists deposits, newest first.
    ListDeposits,
    /// Shows a deposit with the payment that bears its number.
    ShowDeposit,
    /// Fetches the picture of a deposit's payment.
    DepositScreenshot,
    /// Says that a deposit's money has come.
    ApproveDeposit,
    /// Says that a deposit's money has not come.
    RejectDeposit,
    /// Lists withdrawals, newest first.
    ListWithdrawals,
    /// Shows a withdrawal.
    ShowWithdrawal,
    /// Says that a withdrawal was paid out.
    ApproveWithdrawal,
    /// Says that a withdrawal is not paid out.
    RejectWithdrawal,
    /// Lists postbacks, newest first.
    ListPostbacks,
    /// Shows a postback with what came of it.
    ShowPostback,
    /// Sends a postback again.
    RetryPostback,
    /// Sends a sample postback, of which nothing is kept.
    TestPostback,
    /// Shows the rates that hold.
    ShowRates,
    /// Sets some rates.
    SetRates,
    /// Adds up every account.
    TrialBalance,
    /// Lists the rounds that are open, oldest first.
    OpenRounds,
    /// Lists what was odd and taken all the same, oldest first.
    Anomalies,
    /// What was played by day, partner, currency and game.
    Revenue,
    /// Tells how far journal and books are, and what was last found about them.
    Integrity,
    /// Streams every entry.
    ExportJournal,
    /// Streams every bet, win, cancel and void.
    ExportTransactions,
    /// Streams every player's account as it is after one entry.
    ExportPlayers,
    /// Begins a backup.
    BackUp,
    /// Shows how a backup goes on, or what came of it.
    ShowBackup,
}

/// How an operation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads; members in the query.
    Get,
    /// Changes; members in the body.
    Post,
}

impl Method {
    /// The method's name in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// All routes.
const ROUTES: [(Operation, Method, &str); 48] = {
    use Method::{Get, Post};
    use Operation::*;
    [
        (CreatePartner, Post, "/admin/v1/partners"),
        (ListPartners, Get, "/admin/v1/partners"),
        (ShowPartner, Get, "/admin/v1/partners/show"),
        (UpdatePartner, Post, "/admin/v1/partners/update"),
        (RotateSecret, Post, "/admin/v1/partners/rotate-secret"),
        (DisablePartner, Post, "/admin/v1/partners/disable"),
        (EnablePartner, Post, "/admin/v1/partners/enable"),
        (CreatePlayer, Post, "/admin/v1/players"),
        (ShowPlayer, Get, "/admin/v1/players/show"),
        (BlockPlayer, Post, "/admin/v1/players/block"),
        (UnblockPlayer, Post, "/admin/v1/players/unblock"),
        (AdjustPlayer, Post, "/admin/v1/players/adjust"),
        (PlayerHistory, Get, "/admin/v1/players/history"),
        (OpenSession, Post, "/admin/v1/sessions"),
        (ShowSession, Get, "/admin/v1/sessions/show"),
        (CloseSession, Post, "/admin/v1/sessions/close"),
        (ReceivePayment, Post, "/admin/v1/payments"),
        (ListPayments, Get, "/admin/v1/payments"),
        (ListOrders, Get, "/admin/v1/orders"),
        (ShowOrder, Get, "/admin/v1/orders/show"),
        (ApproveOrder, Post, "/admin/v1/orders/approve"),
        (RejectOrder, Post, "/admin/v1/orders/reject"),
        (CancelOrder, Post, "/admin/v1/orders/cancel"),
        (ListDeposits, Get, "/admin/v1/deposits"),
        (ShowDeposit, Get, "/admin/v1/deposits/show"),
        (DepositScreenshot, Get, "/admin/v1/deposits/screenshot"),
        (ApproveDeposit, Post, "/admin/v1/deposits/approve"),
        (RejectDeposit, Post, "/admin/v1/deposits/reject"),
        (ListWithdrawals, Get, "/admin/v1/withdrawals"),
        (ShowWithdrawal, Get, "/admin/v1/withdrawals/show"),
        (ApproveWithdrawal, Post, "/admin/v1/withdrawals/approve"),
        (RejectWithdrawal, Post, "/admin/v1/withdrawals/reject"),
        (ListPostbacks, Get, "/admin/v1/postbacks"),
        (ShowPostback, Get, "/admin/v1/postbacks/show"),
        (RetryPostback, Post, "/admin/v1/postbacks/retry"),
        (TestPostback, Post, "/admin/v1/postbacks/test"),
        (ShowRates, Get, "/admin/v1/rates"),
        (SetRates, Post, "/admin/v1/rates"),
        (TrialBalance, Get, "/admin/v1/reports/trial-balance"),
        (OpenRounds, Get, "/admin/v1/reports/open-rounds"),
        (Anomalies, Get, "/admin/v1/reports/anomalies"),
        (Revenue, Get, "/admin/v1/reports/revenue"),
        (Integrity, Get, "/admin/v1/reports/integrity"),
        (ExportJournal, Get, "/admin/v1/exports/journal"),
        (ExportTransactions, Get, "/admin/v1/exports/transactions"),
        (ExportPlayers, Get, "/admin/v1/exports/players"),
        (BackUp, Post, "/admin/v1/backup"),
        (ShowBackup, Get, "/admin/v1/backup"),
    ]
};

/// What a method and a path lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This operation.
    Operation(Operation),
    /// The path is right, the method is not; for `Allow`.
    OtherMethods(&'static str),
    /// Nothing lies at this path.
    Nothing,
}

impl Operation {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Operation> {
        ROUTES.iter().map(|&(operation, ..)| operation)
    }

    /// Looks a request's method and path (without query) up.
    pub fn find(method: &str, path: &str) -> Found {
        let mut allowed = (false, false);
        for (operation, of_route, at) in ROUTES {
            if at != path {
                continue;
            }
            if of_route.as_str() == method {
                return Found::Operation(operation);
            }
            match of_route {
                Method::Get => allowed.0 = true,
                Method::Post => allowed.1 = true,
            }
        }
        match allowed {
            (true, true) => Found::OtherMethods("GET, POST"),
            (true, false) => Found::OtherMethods("GET"),
            (false, true) => Found::OtherMethods("POST"),
            (false, false) => Found::Nothing,
        }
    }

    /// The method and path that ask for it.
    ///
    /// # Panics
    /// Never: the table has a row for each.
    pub fn route(self) -> (Method, &'static str) {
        ROUTES
            .iter()
            .find(|(operation, ..)| *operation == self)
            .map(|&(_, method, path)| (method, path))
            .expect("each operation has its row")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_leads_to_its_operation_and_back() {
        for (operation, method, path) in ROUTES {
            assert_eq!(operation.route(), (method, path));
            let found = Operation::find(method.as_str(), path);
            assert_eq!(found, Found::Operation(operation));
        }
    }

    #[test]
    fn other_methods_and_paths_lead_nowhere() {
        for (method, path, found) in [
            (
                "DELETE",
                "/admin/v1/partners",
                Found::OtherMethods("GET, POST"),
            ),
            ("POST", "/admin/v1/players/show", Found::OtherMethods("GET")),
            (
                "GET",
                "/admin/v1/players/block",
                Found::OtherMethods("POST"),
            ),
            ("GET", "/admin/v1/partners/", Found::Nothing),
            ("GET", "/admin/v2/partners", Found::Nothing),
            ("get", "/admin/v1/partners/show", Found::OtherMethods("GET")),
        ] {
            assert_eq!(Operation::find(method, path), found, "{method} {path}");
        }
    }
}
