//! What is counted and measured at the door: atomic additions on the way of a request, and
//! nothing else.

use std::time::Duration;

use hyper::StatusCode;

use super::route::{Route, Side};
use crate::engine::command::Command;
use crate::meter::{Count, Counted, Durations};

/// All of it, since the start.
#[derive(Debug, Default)]
pub struct Meters {
    /// Answers to requests that came to a Wallet URL and were read.
    pub(super) wallet: Wallet,
    /// Answers by who gave them.
    pub(super) requests: Requests,
    public: Connections,
    admin: Connections,
}

impl Meters {
    /// The connections of one address.
    pub(super) fn connections(&self, side: Side) -> &Connections {
        match side {
            Side::Public => &self.public,
            Side::Admin => &self.admin,
        }
    }
}

/// What a game server asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Credit,
    Bet,
    Win,
    Cancel,
    /// What could not be read.
    Unread,
}

impl Asked {
    /// All, in the order in which they are declared.
    pub(super) const ALL: [Asked; 5] = [
        Asked::Credit,
        Asked::Bet,
        Asked::Win,
        Asked::Cancel,
        Asked::Unread,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Asked::Credit => "credit",
            Asked::Bet => "bet",
            Asked::Win => "win",
            Asked::Cancel => "cancel",
            Asked::Unread => "unread",
        }
    }
}

impl From<&Command> for Asked {
    fn from(command: &Command) -> Asked {
        match command {
            Command::Credit => Asked::Credit,
            Command::Bet(_) => Asked::Bet,
            Command::Win(_) => Asked::Win,
            Command::Cancel(_) => Asked::Cancel,
        }
    }
}

/// Results are at most this.
const RESULT_MAX: usize = 63;

/// Answers of the Wallet API.
#[derive(Debug)]
pub(super) struct Wallet {
    answers: [[Count; RESULT_MAX + 1]; Asked::ALL.len()],
    times: [Durations; Asked::ALL.len()],
}

impl Default for Wallet {
    fn default() -> Wallet {
        Wallet {
            answers: std::array::from_fn(|_| std::array::from_fn(|_| Count::default())),
            times: Default::default(),
        }
    }
}

impl Wallet {
    /// Takes down an answer: its `result`, and how long it took from when the request was read
    /// until it could leave.
    pub(super) fn add(&self, asked: Asked, result: u8, took: Duration) {
        self.answers[asked as usize][usize::from(result).min(RESULT_MAX)].add();
        self.times[asked as usize].add(took);
    }

    /// How many answers there were, by `result`.
    pub(super) fn answers(&self, asked: Asked) -> impl Iterator<Item = (usize, u64)> {
        let answers = self.answers[asked as usize].iter().enumerate();
        answers.map(|(result, count)| (result, count.so_far()))
    }

    pub(super) fn times(&self, asked: Asked) -> Counted {
        self.times[asked as usize].so_far()
    }
}

/// Who answers a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Wallet,
    Partner,
    Gateway,
    /// What people open: links, pages, the description.
    Page,
    Admin,
    Health,
    /// Nobody.
    Unknown,
}

impl Api {
    /// All, in the order in which they are declared.
    pub(super) const ALL: [Api; 7] = [
        Api::Wallet,
        Api::Partner,
        Api::Gateway,
        Api::Page,
        Api::Admin,
        Api::Health,
        Api::Unknown,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Api::Wallet => "wallet",
            Api::Partner => "partner",
            Api::Gateway => "gateway",
            Api::Page => "page",
            Api::Admin => "admin",
            Api::Health => "health",
            Api::Unknown => "unknown",
        }
    }
}

impl From<Route<'_>> for Api {
    fn from(route: Route<'_>) -> Api {
        match route {
            Route::Wallet(_) => Api::Wallet,
            Route::Partner(_) => Api::Partner,
            Route::Gateway => Api::Gateway,
            Route::Link(_)
            | Route::Hashed(_)
            | Route::Page(_)
            | Route::Hosted(_)
            | Route::Game(_)
            | Route::OpenApi => Api::Page,
            Route::Admin | Route::Metrics => Api::Admin,
            Route::Alive | Route::Ready => Api::Health,
            Route::Unknown => Api::Unknown,
        }
    }
}

/// HTTP knows no status below this, and we send none as high as the other.
const STATUS_MIN: usize = 100;
const STATUS_MAX: usize = 599;

/// Answers by who gave them, and status.
#[derive(Debug)]
pub(super) struct Requests([[Count; STATUS_MAX - STATUS_MIN + 1]; Api::ALL.len()]);

impl Default for Requests {
    fn default() -> Requests {
        Requests(std::array::from_fn(|_| {
            std::array::from_fn(|_| Count::default())
        }))
    }
}

impl Requests {
    pub(super) fn add(&self, api: Api, status: StatusCode) {
        let status = usize::from(status.as_u16()).clamp(STATUS_MIN, STATUS_MAX);
        self.0[api as usize][status - STATUS_MIN].add();
    }

    /// How many answers there were, by status.
    pub(super) fn answers(&self, api: Api) -> impl Iterator<Item = (usize, u64)> {
        let answers = self.0[api as usize].iter().enumerate();
        answers.map(|(place, count)| (STATUS_MIN + place, count.so_far()))
    }
}

/// Who came in through one address.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) accepted: Count,
    /// Of those accepted.
    pub(super) ended: Count,
    /// There were too many.
    pub(super) refused: Count,
}
